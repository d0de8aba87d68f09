"""Tables of text: `.csv` and `.tsv`, a row at a time."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from ifrs.scoring.chunks import Chunk, Gathering
from ifrs.scoring.paths import lacking
from ifrs.scoring.unpacked import Unpacked

DELIMITERS = {"csv": ",", "tsv": "\t"}
# A quote that nobody closed would otherwise take the rest of the file into one field.
_FIELD = 1 << 26


class Table:
    """The rows of one column, found by its name in the first line.

    Quotes are as RFC 4180 has them: a field may hold line ends and delimiters. Lines without
    anything are no rows, as other readers have it.
    """

    def __init__(
        self, file: Unpacked, form: str, column: str, shown: Path, chunk_bytes: int
    ) -> None:
        """Open a table.

        Raises:
            ValueError: There is no such column, or there are two of the name.
        """
        self._file, self._shown, self._chunk = file, shown, chunk_bytes
        self.total = file.total
        # What is no UTF-8 shows as lone surrogates, so that the row can be named.
        lines = codecs.iterdecode(file.lines(shown), "utf-8-sig", errors="surrogateescape")
        csv.field_size_limit(max(_FIELD, csv.field_size_limit()))
        self._rows = csv.reader(lines, delimiter=DELIMITERS[form], strict=True)
        self._width, self._place = self._find(column)

    def _find(self, column: str) -> tuple[int, int]:
        """How many columns there are, and which is the one."""
        try:
            names = next(self._rows, [])
        except csv.Error as error:
            raise ValueError(f"{self._shown}: the names of columns: {error}") from error
        if names.count(column) > 1:
            raise ValueError(f"{self._shown} has {names.count(column)} columns named {column!r}")
        if column not in names:
            raise ValueError(f"{self._shown} has {lacking(column, names)}")
        return len(names), names.index(column)

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, in order; read once."""
        gathered = Gathering(self._chunk)
        while True:
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                gathered.reject(f"no row of a table: {error}")
                continue
            if row is None:
                break
            if row:
                self._take(row, gathered)
            if gathered.full:
                yield gathered.take(self._file.position)
        yield gathered.take(self.total)

    def _take(self, row: list[str], gathered: Gathering) -> None:
        if len(row) != self._width:
            gathered.reject(f"{len(row)} fields where there are {self._width} columns")
            return
        text = row[self._place]
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            gathered.reject("not UTF-8")
            return
        # A table cannot tell an empty text from none.
        gathered.add([text] if text else [])
