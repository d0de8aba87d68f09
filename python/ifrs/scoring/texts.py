"""Lines and JSON, read in Rust; what a preset reaches in JSON, in Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ifrs import _core
from ifrs.scoring.chunks import Chunk, Gathering
from ifrs.scoring.objects import NoJson, objects
from ifrs.scoring.paths import gather, tree_of
from ifrs.scoring.unpacked import Unpacked


class Read:
    """The texts of a file that Rust reads."""

    def __init__(self, file: _core.TextFile, shown: Path) -> None:
        self._file, self._shown = file, shown
        self.total = file.bytes

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, in order; read once.

        Raises:
            ValueError: The packing is damaged.
        """
        while (texts := self._next()) is not None:
            yield Chunk(
                texts,
                texts.first,
                texts.count,
                texts.rows,
                texts.without,
                texts.bad,
                texts.position,
            )

    def _next(self) -> _core.TextChunk | None:
        try:
            return next(self._file, None)
        except ValueError as error:
            raise ValueError(f"{self._shown}: {error}") from error


class Objects:
    """The texts that some paths reach in the rows of JSON, each of which may be lacking."""

    def __init__(
        self, file: Unpacked, form: str, paths: Sequence[str], shown: Path, chunk_bytes: int
    ) -> None:
        self._file, self._chunk = file, chunk_bytes
        self._rows = objects(file, form, shown)
        self._tree = tree_of(paths)
        self.total = file.total

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, in order; read once."""
        gathered = Gathering(self._chunk)
        for row in self._rows:
            self._take(row, gathered)
            if gathered.full:
                yield gathered.take(self._file.position)
        yield gathered.take(self.total)

    def _take(self, row: Any, gathered: Gathering) -> None:
        if isinstance(row, NoJson):
            gathered.reject(str(row))
            return
        texts: list[str] = []
        gather(row, self._tree, texts)
        try:
            "".join(texts).encode("utf-8")
        except UnicodeEncodeError:
            gathered.reject("not UTF-8")  # Or half of a surrogate pair.
        else:
            gathered.add(texts)
