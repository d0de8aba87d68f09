"""The suspects of a list, with the options of their lines in place of the command's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints
from urllib.parse import urlsplit

from ifrs.cli.suspects import LocalOptions, ServerOptions, is_url
from ifrs.errors import IfrsError
from ifrs.modalities import kind_at
from ifrs.sweep.listing import BadLine, Listed
from ifrs.sweep.suspects import Suspect, local_identity, server_identity

Group = TypeVar("Group", ServerOptions, LocalOptions)
_BOOLEANS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def suspects_of(
    path: Path, listed: Sequence[Listed], server: ServerOptions, local: LocalOptions
) -> tuple[list[Suspect], list[str]]:
    """The suspects of a list, each once.

    Returns:
        Them, and what to say of lines that name one again.

    Raises:
        BadLine: A line cannot be used, or names a suspect again with other options.
    """
    found: dict[str, tuple[Suspect, Any]] = {}
    again = []
    for one in listed:
        try:
            suspect, how = _suspect(one, server, local)
        except (IfrsError, ValueError) as error:
            raise BadLine(path, one.line, error) from None
        first = found.setdefault(suspect.identity, (suspect, how))
        if first[0] is suspect:
            continue
        if first[1] != how:
            raise BadLine(
                path, one.line, f"the suspect of line {first[0].line} with other options: keep one"
            )
        again.append(f"line {one.line} names the suspect of line {first[0].line}")
    return [suspect for suspect, _ in found.values()], again


def _suspect(one: Listed, server: ServerOptions, local: LocalOptions) -> tuple[Suspect, Any]:
    """A suspect, and all that says how it is reached."""
    if is_url(one.place):
        how = with_options(server, one.options)
        if how.model is None:
            raise ValueError("a server may serve several models: say which with model=NAME")
        target = how.suspect(one.place)
        return (
            Suspect(
                one.line,
                f"{target.model} at {target.base_url}",
                server_identity(one.place, target.model),
                served=True,
                make=lambda: target,
            ),
            (how, _secret_parts(one.place)),
        )
    place, given = os.path.expanduser(one.place), with_options(local, one.options)
    within = [given.revision, given.subfolder]
    return (
        Suspect(
            one.line,
            " ".join([one.place, *(part for part in within if part is not None)]),
            local_identity(place, *within),
            served=False,
            make=partial(_load, given, place),
            brings_code=given.trust_remote_code,
        ),
        given,
    )


def _secret_parts(address: str) -> tuple[str, str]:
    """What an identity leaves out: user and password, and the query."""
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[0], parts.query


def _load(options: LocalOptions, place: str) -> Any:
    """A model at hand, as a suspect."""
    if (kind := kind_at(place)) != "text":
        return options.suspect(kind, place)
    loaded = options.load(place)
    from ifrs import LocalModel

    return LocalModel(*loaded, name=Path(place).name, reference=options.tokenizer)


def with_options(group: Group, given: dict[str, str | None]) -> Group:
    """Options of a command with those of a line in their place.

    Raises:
        ValueError: There is no such option, or its value is of another kind.
    """
    kinds, changes = get_type_hints(type(group)), dict[str, Any]()
    known = {field.name.replace("_", "-"): field.name for field in fields(group)}
    for name, value in given.items():
        positive = name.removeprefix("no-")
        off = positive != name and value is None and kinds.get(known.get(positive, "")) is bool
        called = known.get(positive if off else name)
        if called is None:
            # A word alone is not quoted: it may be a key by mistake.
            called_so = "such option" if value is None else f"option {name}"
            raise ValueError(f"no {called_so}; there are {', '.join(sorted(known))}")
        changes[called] = not off if value is None else _value(name, value, kinds[called])
        if value is None and kinds[called] is not bool:
            raise ValueError(f"the option {name} wants a value: {name}=…")
    return replace(group, **changes)


def _value(name: str, text: str, kind: Any) -> Any:
    for one in get_args(kind) or (kind,):
        if one is bool and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if one is str:
            return text
        if one in (int, float):
            try:
                return one(text)
            except ValueError:
                continue
    wanted = " or ".join(one.__name__ for one in get_args(kind) or (kind,) if one is not NoneType)
    raise ValueError(f"the option {name} wants a value of another kind ({wanted})")
