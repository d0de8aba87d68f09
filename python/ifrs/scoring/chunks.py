"""Some rows of a file, as every reader hands them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ifrs.scoring.matching import Texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes:
        texts: Their texts.
        first: The first row, counted from 0.
        count: How many rows there are.
        rows: The row of each text, of shape (len(texts),), ascending; None for a text a row.
        without: Rows without a text, which are no error.
        bad: Rows that could not be read, and why.
        position: How far the file has been read, in its reader's unit.
    """

    texts: Texts
    first: int
    count: int
    rows: NDArray[np.int64] | None = None
    without: int = 0
    bad: Sequence[tuple[int, str]] = field(default=())
    position: int = 0

    def rows_of(self, found: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of some of the texts, each of shape (n,)."""
        return found + self.first if self.rows is None else self.rows[found]


class Reader(Protocol):
    """A file of one form, read once from its first row to its last.

    Attributes:
        total: Where `Chunk.position` ends.
    """

    total: int

    def __iter__(self) -> Iterator[Chunk]: ...


class Gathering:
    """Rows that come one by one, gathered into chunks."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._next = 0
        self._clear()

    def _clear(self) -> None:
        self._first, self._held, self._without = self._next, 0, 0
        self._texts: list[str] = []
        self._rows: list[int] = []
        self._bad: list[tuple[int, str]] = []

    def add(self, texts: Sequence[str]) -> None:
        """Add a row; one without texts is counted."""
        self._texts.extend(texts)
        self._rows.extend([self._next] * len(texts))
        self._without += not texts
        # A row takes room, too.
        self._held += sum(map(len, texts)) + 64
        self._next += 1

    def reject(self, why: str) -> None:
        """Add a row that could not be read."""
        self._bad.append((self._next, why))
        self._held += 64
        self._next += 1

    @property
    def full(self) -> bool:
        """Whether it is time to hand out a chunk."""
        return self._held >= self._size

    @property
    def row(self) -> int:
        """The row that comes next."""
        return self._next

    def take(self, position: int) -> Chunk:
        """The rows so far; a new chunk begins."""
        import numpy as np

        rows = np.asarray(self._rows, dtype=np.int64)
        count = self._next - self._first
        chunk = Chunk(self._texts, self._first, count, rows, self._without, self._bad, position)
        self._clear()
        return chunk
