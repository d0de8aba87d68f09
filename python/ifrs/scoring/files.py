"""Texts of files, a chunk at a time, so that a file may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ifrs import _core
from ifrs.scoring.chunks import Chunk, Reader
from ifrs.scoring.columns import Columns, open_parquet
from ifrs.scoring.plans import Plan
from ifrs.scoring.tables import DELIMITERS, Table
from ifrs.scoring.texts import Objects, Read
from ifrs.scoring.unpacked import Unpacked

CHUNK_BYTES = 1 << 24
"""Bytes of a file's text in a chunk."""

Report: TypeAlias = Callable[[int, str], None]
"""Is told of a row that could not be read, counted from 0, and why."""
Sought: TypeAlias = tuple[Sequence[str], str, float]
"""Patterns, method and cutoff: rows that cannot hit need not be read whole."""


class TextRows:
    """The rows of a file, and what became of them.

    Attributes:
        total: Where `Chunk.position` ends.
        rows: Rows so far.
        without: Those without a text.
        skipped: Those that could not be read.
    """

    total: int
    rows: int
    without: int
    skipped: int

    def __init__(
        self,
        plan: Plan,
        *,
        sought: Sought | None = None,
        workers: int = 0,
        chunk_bytes: int = CHUNK_BYTES,
        skipped: Report | None = None,
    ) -> None:
        """Open a file.

        Args:
            plan: How to read it.
            sought: What its texts will be scored against, if that is known.
            workers: Threads that read lines and JSON; 0 takes all cores.
            chunk_bytes: Bytes of text in a chunk.
            skipped: Is told of rows that could not be read; where it is None they are an error.

        Raises:
            OSError: The file cannot be opened.
            ValueError: It is not what the plan says, or has no such column of strings.
            ImportError: It needs pyarrow, which is missing.
        """
        self._plan, self._report = plan, skipped
        self._reader = _reader(plan, sought, workers, chunk_bytes)
        self.total = self._reader.total
        self.rows = self.without = self.skipped = 0

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, in order; read once.

        Raises:
            ValueError: A row could not be read, or a part of the file is damaged; it is named.
        """
        for chunk in self._reader:
            for row, why in chunk.bad:
                if self._report is None:
                    raise ValueError(f"{self._plan.place(row)}: {why}")
                self._report(row, why)
            self.rows += chunk.count
            self.without += chunk.without
            self.skipped += len(chunk.bad)
            yield chunk

    @property
    def nothing_scored(self) -> bool:
        """Whether there were rows, and not one of them had a text."""
        return 0 < self.rows == self.without + self.skipped


def _reader(plan: Plan, sought: Sought | None, workers: int, chunk_bytes: int) -> Reader:
    if plan.form == "parquet":
        return Columns(open_parquet(plan.path, plan.shown), plan.paths, plan.shown)
    if plan.form in DELIMITERS:
        return Table(Unpacked(plan.path), plan.form, plan.paths[0], plan.shown, chunk_bytes)
    if plan.preset is not None:
        return Objects(Unpacked(plan.path), plan.form, plan.paths, plan.shown, chunk_bytes)
    column = plan.paths[0] if plan.paths else None
    patterns = (list(sought[0]), *sought[1:]) if sought else None
    file = _core.TextFile(
        plan.path,
        column,
        chunk_bytes,
        workers,
        form=plan.form,
        packed=plan.packed,
        sought=patterns,
    )
    return Read(file, plan.shown)
