"""Rows of JSON, read in Python: the first ones of a file, and presets."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ifrs.scoring.unpacked import Unpacked

_BOM = codecs.BOM_UTF8
_SPACE = " \t\r\n"
# How far before the end of what has been read a value may break off: "-Infinity", "\ud83d\ude00".
_TAIL = 16


class NoJson(ValueError):
    """A row that is no JSON, or no UTF-8."""


def objects(file: Unpacked, form: str, shown: Path) -> Iterator[Any]:
    """The rows of JSON lines, of one array, or values one after the other, as `json` reads them.

    Yields:
        A row; None for a blank line; a `NoJson` in place of a line that cannot be read.

    Raises:
        ValueError: The file is damaged, or an array cannot be read.
    """
    if form == "jsonl":
        yield from map(_line, _without_mark(file.lines(shown)))
        return
    row = 0
    try:
        for value in _array(file.blocks(shown)):
            yield value
            row += 1
    except (json.JSONDecodeError, NoJson, RecursionError) as error:
        raise ValueError(f"{shown}, row {row}: not JSON") from error


def _without_mark(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines without a byte-order mark before the first."""
    for line in lines:
        yield line.removeprefix(_BOM)
        break
    yield from lines


def _line(line: bytes) -> Any:
    if not line.strip():
        return None
    try:
        return _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError:
        return NoJson("not UTF-8")
    except (ValueError, RecursionError):
        return NoJson("not JSON")


def _array(blocks: Iterator[bytes]) -> Iterator[Any]:
    """The values of an array, or values one after the other; one of them is in memory at a time."""
    # What is no UTF-8 shows as lone surrogates, so that only its own row is bad.
    window = _Window(codecs.iterdecode(blocks, "utf-8-sig", errors="surrogateescape"))
    first = window.next()
    if first != "[":
        while first:
            yield window.value()
            first = window.next()
        return
    window.skip()
    while window.next() != "]":
        yield window.value()
        if window.next() == ",":
            window.skip()
        elif window.next() != "]":
            raise NoJson("no comma between values")
    window.skip()
    if window.next():
        raise NoJson("something behind the array")


class _Window:
    """The part of a text that is being read."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks = blocks
        self._text, self._at = "", 0

    def _more(self, size: int) -> bool:
        """Read on by at least some characters; False at the end."""
        parts = [self._text[self._at :]]
        goal = len(parts[0]) + size
        while sum(map(len, parts)) < goal and (block := next(self._blocks, "")):
            parts.append(block)
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1

    def next(self) -> str:
        """The next character that is no space; none at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(1):
                return ""

    def skip(self) -> None:
        """Go past that character."""
        self._at += 1

    def value(self) -> Any:
        """Read a value, and go past it."""
        size = 1 << 16
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._may_go_on(error) or not self._more(size):
                    raise
            else:
                # "1." and "1e+" are no whole numbers, but begin with one.
                length = end - self._at
                if end + _TAIL < len(self._text) or not self._more(size):
                    self._at += length
                    return value
            # Each try costs as much as the text is long: twice as much of it each time.
            size *= 2

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Whether a value may only have broken off, for want of text."""
        return "Unterminated" in error.msg or error.pos + _TAIL > len(self._text)


def _constant(name: str) -> Any:
    raise NoJson(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_constant)
