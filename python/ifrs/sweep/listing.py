"""A list of suspects: a text file with one a line, and options behind it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Listed:
    """One line of the list.

    Attributes:
        line: Its number in the file, from 1.
        place: A folder, a GGUF file, a model id or an address, which may hold a password.
        options: What stands behind it, by name; None for a name without a value.
    """

    line: int
    place: str = field(repr=False)
    options: dict[str, str | None] = field(repr=False, default_factory=dict)


class BadLine(ValueError):
    """A line of the list that cannot be used; nothing of it is quoted that may be secret."""

    def __init__(self, path: str | os.PathLike[str], line: int, what: object) -> None:
        """Say which line of which file, and what is wrong."""
        super().__init__(f"{os.fspath(path)}, line {line}: {what}")


def read_list(path: str | os.PathLike[str]) -> list[Listed]:
    """Read a list of suspects.

    `#` at the beginning of a word begins a comment; a place with blanks stands in quotation marks.

    Raises:
        BadLine: A line cannot be read.
        OSError: The file cannot be read.
        ValueError: It is not UTF-8, or names no suspect.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{os.fspath(path)} is not UTF-8: write the list as UTF-8") from None
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            words = shlex.split(_without_comment(line))
            if words:
                found.append(Listed(number, words[0], _options(words[1:])))
        except ValueError as error:
            said = str(error)
            raise BadLine(path, number, said[:1].lower() + said[1:]) from None
    if not found:
        raise ValueError(f"{os.fspath(path)} names no suspect: write one a line")
    return found


def _without_comment(line: str) -> str:
    quote, before = "", " "
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and before != "\\":
            quote = character
        elif character == "#" and before.isspace():
            return line[:place]
        before = character
    return line


def _options(words: list[str]) -> dict[str, str | None]:
    options: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            # Not quoted: it may be a key by mistake.
            raise ValueError("behind the suspect go options such as NAME=VALUE")
        name = name.replace("_", "-")
        if name in options:
            raise ValueError(f"the option {name} stands there twice")
        options[name] = value if equals else None
    return options
