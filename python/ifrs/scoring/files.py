"""Texts of files, a chunk at a time, so that a file may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifrs import _core
from ifrs.scoring.matching import Texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_BYTES = 1 << 24
"""Bytes of lines in a chunk."""

_BATCH_ROWS = 1 << 16

Report = Callable[[int, str], None]
"""Is told of a row without a text, counted from 0, and why."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes:
        texts: Their texts.
        first: The first row, counted from 0.
        position: How far the file has been read, in `TextRows.total`'s unit.
        rows: The row of each text; None where each row has one.
    """

    texts: Texts
    first: int
    position: int
    rows: NDArray[np.int64] | None = None

    def rows_of(self, found: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of some of the texts."""
        return found + self.first if self.rows is None else self.rows[found]


class TextRows:
    """The rows of a text, JSON lines or Parquet file.

    A `.parquet` file has the texts in a column, a `.jsonl` file under a key of each line's object;
    in any other file each line is a text. Lines and columns are mapped, not read into memory.
    """

    def __init__(
        self,
        path: Path,
        column: str,
        *,
        workers: int = 0,
        chunk_bytes: int = CHUNK_BYTES,
        skipped: Report | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: The file.
            column: The column of `.jsonl` and `.parquet`.
            workers: Threads that read lines; 0 takes all cores.
            chunk_bytes: Bytes of lines in a chunk.
            skipped: Is told of rows without a text, which count as empty; else they are an error.

        Raises:
            OSError: The file cannot be opened.
            ValueError: It is no Parquet file, or has no such column of strings.
            ImportError: It is a Parquet file and pyarrow is missing.
        """
        self._path, self._column, self._skipped = path, column, skipped
        self._chunks: Iterator[Chunk]
        if path.suffix == ".parquet":
            parquet = self._open_parquet()
            self.total = int(parquet.metadata.num_rows)
            self._chunks = self._batches(parquet)
        else:
            key = column if path.suffix == ".jsonl" else None
            form = "jsonl" if path.suffix == ".jsonl" else "lines"
            lines = _core.TextFile(path, key, chunk_bytes, workers, form=form)
            self.total = lines.bytes
            self._chunks = self._lines(lines)

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, in order; read once.

        Raises:
            ValueError: A row has no text, or a part of a Parquet file is broken; the row is named.
        """
        return self._chunks

    def _lines(self, lines: _core.TextFile) -> Iterator[Chunk]:
        for texts in lines:
            for row, why in texts.bad:
                if self._skipped is None:
                    raise ValueError(f"{self._path}, line {row + 1}: {why}")
                self._skipped(row, why)
            yield Chunk(texts, texts.first, texts.position, texts.rows)

    def _open_parquet(self) -> Any:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise ImportError("reading Parquet needs pyarrow: pip install pyarrow") from error
        try:
            file = parquet.ParquetFile(self._path, memory_map=True)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{self._path} is no readable Parquet file: {error}") from error
        names = file.schema_arrow.names
        if self._column not in names:
            raise ValueError(f"{self._path} has no column {self._column!r} but {names}")
        kind = file.schema_arrow.field(self._column).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
        if not any(is_kind(kind) for is_kind in (*strings, pa.types.is_null)):
            raise ValueError(f"{self._path}: column {self._column!r} is {kind}, not strings")
        return file

    def _batches(self, file: Any) -> Iterator[Chunk]:
        import pyarrow as pa

        first = 0
        batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=[self._column])
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise ValueError(
                    f"{self._path} is broken at row {first} or soon after: {error}"
                ) from error
            yield Chunk(batch.column(0), first, first + len(batch))
            first += len(batch)
