"""What commands print. Whatever comes from a file, a model or a server shows, and moves nothing."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from ifrs.visible import hidden, one_line, visible

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

EXIT_YES, EXIT_NO, EXIT_ERROR = 0, 1, 2
_WIDEST = 1 << 16  # columns of a table that no terminal shows

# How libraries' bars move between lines; what a stranger wrote could do so, too.
_MOVES = re.compile(r"[\n\r]*(?:\x1b\[A[\n\r]*)+")


def fail(error: object) -> int:
    """One line on standard error, and the exit code of an error."""
    # str() of a KeyError is the repr of its message.
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    if isinstance(error, OSError) and error.filename and error.strerror:
        message = f"{error.filename}: {error.strerror}"
    line = " ".join(str(message).split()) or type(error).__name__
    say(f"ifrs: {line}", err=True)
    return EXIT_ERROR


def warn(message: str) -> None:
    """One line on standard error that changes nothing."""
    say(f"ifrs: warning: {message}", err=True)


def require_new(out: Path, called: str) -> None:
    """Refuse a place for evidence before the journal says that there is some.

    Raises:
        FileExistsError: There is a file: others may have it.
        FileNotFoundError: There is no folder.
    """
    if out.exists():
        raise FileExistsError(
            f"{out} exists already: {called} is not replaced, choose another file"
        )
    if not out.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {out.absolute().parent}: make it first")


def say(line: object, *, err: bool = False) -> None:
    """One line for people."""
    print(one_line(str(line)), file=sys.stderr if err else sys.stdout, flush=True)


def print_json(value: Any) -> None:
    """A result for programs, which may land on a terminal: what is hidden is escaped."""
    written = json.dumps(value, ensure_ascii=False, indent=2)
    print("\n".join(_escaped(line) for line in written.split("\n")))


def _escaped(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    # Outside of strings JSON has nothing of the kind, and inside these escapes mean the same.
    return "".join(json.dumps(c)[1:-1] if hidden(c) else c for c in line)


def print_result(facts: Mapping[str, object], as_json: bool) -> None:
    """A result, for programs or for people."""
    print_json(facts) if as_json else print_facts(facts)


def print_facts(facts: Mapping[str, object]) -> None:
    """A result for people: names and values."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(one_line(name), style="bold"), _cell(value))
    _print(table)


def print_rows(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """A result for people: a table."""
    from rich.table import Column, Table

    headings = (Column(name, overflow="fold") for name in columns)
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    _print(table)


def _print(table: Table) -> None:
    """A table as wide as the terminal; in a pipe or a file one line a row, and nothing cut."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    console = Console(width=_WIDEST)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(value: object) -> Text:
    from rich.text import Text

    # No markup is read in it: neither styles nor links.
    return Text(one_line(_short(value)))


def _short(value: object) -> str:
    """Values as people read them; `--json` has all digits."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)


class _Plain:
    """A stream on which other people's text shows and moves nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def rich_proxied_file(self) -> TextIO:
        """Where rich writes its own colours and bars."""
        return self._stream

    def write(self, text: str) -> int:
        if not _MOVES.fullmatch(text):
            # Libraries' bars begin and end their line anew.
            body = text.strip("\r")
            before, _, after = text.partition(body) if body else (text, "", "")
            self._stream.write(before[:1] + visible(body) + after[:1])
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def plain_streams() -> Iterator[None]:
    """Standard output and error without control over the terminal, whoever writes to them."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Plain(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
