"""Options that several commands share, and how a command takes many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

KeyringPath = Annotated[Path, typer.Argument(metavar="KEYRING", help="The keyring file.")]
SetName = Annotated[str, typer.Argument(metavar="NAME", help="The fingerprint set's name.")]
Longest = Annotated[int | None, typer.Option(help="Longest answer, in tokens.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

Command = TypeVar("Command", bound=Callable[..., Any])


def examples(*lines: str) -> str:
    """What a command's help ends with: whole commands, one a line, as they are typed."""
    # The first line tells the help's writer to leave line ends as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


class Commands(typer.Typer):
    """Commands that may take dataclasses: each field of one is an option on the command line."""

    def command(self, *args: Any, **kwargs: Any) -> Callable[[Command], Command]:
        """Register a command, as typer does."""
        register = super().command(*args, **kwargs)

        def add(command: Command) -> Command:
            register(_with_options(command))
            return command

        return add


def _with_options(command: Callable[..., Any]) -> Any:
    """A command of the same name and help, with a parameter for each option."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}

    def run(**given: Any) -> Any:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        return command(**given)

    shown: Any = wraps(command)(run)
    shown.__signature__ = Signature(list(_parameters(command)))
    shown.__annotations__ = {p.name: p.annotation for p in _parameters(command)}
    return shown


def _parameters(called: Any) -> Iterator[Parameter]:
    """The parameters of a command or a dataclass; in place of a dataclass its fields."""
    hints = get_type_hints(called, include_extras=True)
    for name, parameter in signature(called).parameters.items():
        if is_dataclass(hints[name]):
            yield from _parameters(hints[name])
        else:
            yield parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name])
