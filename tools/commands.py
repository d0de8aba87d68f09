"""The reference of the command line, made from the commands themselves.

`docs/conf.py` puts it into docs/reference/commands.md when the guide is built, so that it holds
what `--help` says. `python tools/commands.py` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from ifrs.cli import app

# Options of every program that typer makes.
_EVERYWHERE = {"--help", "--install-completion", "--show-completion"}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and group, by what is typed for it, from the root down."""
    yield from _walk("ifrs", typer.main.get_command(app))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for child, found in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {child}", found)


def records(name: str, command: Any, kind: str) -> list[tuple[str, str]]:
    """What a command's help says of its arguments or options: how it is typed, and what it is.

    Args:
        name: As `commands` has it.
        command: Likewise.
        kind: "argument" or "option".
    """
    context = command.context_class(command, info_name=name)
    found = (p.get_help_record(context) for p in command.params if p.param_type_name == kind)
    return [one for one in found if one is not None and one[0].split(",")[0] not in _EVERYWHERE]


def markdown() -> str:
    """One section for each command, in the order of `ifrs --help`."""
    return "\n\n".join(_section(name, command) for name, command in commands() if " " in name)


def _section(name: str, command: Any) -> str:
    context = command.context_class(command, info_name=name)
    usage = " ".join(piece.strip("{}") for piece in command.collect_usage_pieces(context))
    parts = [f"## {name}", _paragraphs(command.help), f"```text\n{name} {usage}\n```"]
    for kind in ("argument", "option"):
        rows = records(name, command, kind)
        if rows:
            parts.append(_table(kind, rows))
    if command.epilog:
        lines = [line.strip() for line in command.epilog.split("\n")[2:]]
        parts.append("\n".join(["```sh", *lines, "```"]))
    return "\n\n".join(parts)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _table(kind: str, rows: list[tuple[str, str]]) -> str:
    cells = [f"| `{_cell(left)}` | {_cell(' '.join(right.split()))} |" for left, right in rows]
    return "\n".join([f"| {kind} | what it is |", "| --- | --- |", *cells])


def _cell(text: str) -> str:
    # A bar would end the cell; an asterisk could begin emphasis.
    return text.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    print(markdown())
