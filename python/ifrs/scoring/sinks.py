"""Where hits are written: JSON lines or Parquet, chunk by chunk."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from ifrs.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sink(Protocol):
    """Takes hits as three arrays of one length."""

    def write(
        self,
        texts: NDArray[np.int64],
        patterns: NDArray[np.int64],
        scores: NDArray[np.float32],
    ) -> None:
        """Write hits: rows of texts, rows of patterns, scores."""


@contextmanager
def open_sink(path: Path | None) -> Iterator[Sink]:
    """Open where hits go.

    Args:
        path: A `.parquet` file, a file of JSON lines, or standard output. A file is written beside
            and takes its name when all is well: nothing half-written is ever there.

    Raises:
        ImportError: Parquet is wanted and pyarrow is missing.
    """
    if path is None:
        yield _JsonLines(sys.stdout)
        return
    if path.suffix != ".parquet":
        with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
            yield _JsonLines(file)
        return
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("writing Parquet needs pyarrow: pip install pyarrow") from error
    schema = pa.schema([("text", pa.int64()), ("pattern", pa.int64()), ("score", pa.float32())])
    with replacing(path) as beside, parquet.ParquetWriter(beside, schema) as writer:
        yield _Parquet(writer, schema)


class _JsonLines:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(
        self,
        texts: NDArray[np.int64],
        patterns: NDArray[np.int64],
        scores: NDArray[np.float32],
    ) -> None:
        rows = zip(texts.tolist(), patterns.tolist(), scores.tolist(), strict=True)
        self._file.writelines(
            json.dumps({"text": text, "pattern": pattern, "score": round(score, 6)}) + "\n"
            for text, pattern, score in rows
        )


class _Parquet:
    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema

    def write(
        self,
        texts: NDArray[np.int64],
        patterns: NDArray[np.int64],
        scores: NDArray[np.float32],
    ) -> None:
        import pyarrow as pa

        if len(texts):
            self._writer.write_table(pa.table([texts, patterns, scores], schema=self._schema))
