"""Where hits are written: JSON lines or Parquet, chunk by chunk."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from ifrs.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hits: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
    """Rows of texts, rows of patterns and scores, each of shape (hits,)."""


@contextmanager
def open_sink(path: Path | None) -> Iterator[Callable[[Hits], None]]:
    """Open where hits go.

    Args:
        path: A `.parquet` file, a file of JSON lines, or standard output. A file is written beside
            and takes its name when all is well: nothing half-written is ever there.

    Yields:
        A function that writes hits.

    Raises:
        ImportError: Parquet is wanted and pyarrow is missing.
    """
    if path is None:
        yield lambda hits: _write_lines(sys.stdout, hits)
        return
    if path.suffix != ".parquet":
        with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
            yield lambda hits: _write_lines(file, hits)
        return
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("writing Parquet needs pyarrow: pip install pyarrow") from error
    schema = pa.schema([("text", pa.int64()), ("pattern", pa.int64()), ("score", pa.float32())])

    def write_table(hits: Hits) -> None:
        if len(hits[0]):
            writer.write_table(pa.table(list(hits), schema=schema))

    with replacing(path) as beside, parquet.ParquetWriter(beside, schema) as writer:
        yield write_table


def _write_lines(file: IO[str], hits: Hits) -> None:
    rows = zip(*(column.tolist() for column in hits), strict=True)
    file.writelines(
        json.dumps({"text": text, "pattern": pattern, "score": round(score, 6)}) + "\n"
        for text, pattern, score in rows
    )
