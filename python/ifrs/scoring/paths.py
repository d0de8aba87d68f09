"""Dotted paths into rows: `choices.0.message.content`, `conversations.*[from=gpt].value`.

A number is a place in a list, `*` every place, and `*[key=one|other]` the places whose object has
one of these strings under that key. A key that holds dots itself is found by its whole name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

_EACH = re.compile(r"\*(?:\[([^\[\]=|.]+)=([^\[\]=.]+)\])?")
_NAMED = 8
"""Columns that a message lists."""


@dataclass(frozen=True)
class Each:
    """The places of a list: all, or those whose object has one of some strings under a key."""

    key: str | None = None
    values: tuple[str, ...] = ()

    def takes(self, item: Any) -> bool:
        """Whether a place of a list counts."""
        if self.key is None:
            return True
        return isinstance(item, dict) and item.get(self.key) in self.values


Steps: TypeAlias = "tuple[str | Each, ...]"


def steps_of(path: str) -> Steps:
    """Read a path.

    Raises:
        ValueError: A part of it is empty.
    """
    parts = path.split(".")
    if not all(parts):
        raise ValueError(f"{path!r} is no path: write names with single dots between them")
    return tuple(_step(part) for part in parts)


def _step(part: str) -> str | Each:
    each = _EACH.fullmatch(part)
    if each is None:
        return part
    key, values = each.groups()
    return Each() if key is None else Each(key, tuple(values.split("|")))


def named(steps: Steps, names: Iterable[str]) -> tuple[str, Steps] | None:
    """The longest name that a path begins with, and the rest of the path."""
    known = set(names)
    ends = [i for i, step in enumerate((*steps, Each())) if isinstance(step, Each)]
    for end in range(ends[0], 0, -1):
        name = ".".join(step for step in steps[:end] if isinstance(step, str))
        if name in known:
            return name, steps[end:]
    return None


Tree: TypeAlias = "dict[str | Each, Tree]"
_END = ""


def tree_of(paths: Iterable[str]) -> Tree:
    """Some paths at once, so that a row is walked but once.

    Raises:
        ValueError: One of them is no path.
    """
    tree: Tree = {}
    for path in paths:
        node = tree
        for step in steps_of(path):
            node = node.setdefault(step, {})
        node[_END] = {}
    return tree


def gather(value: Any, tree: Tree, texts: list[str]) -> None:
    """Gather the texts that paths reach in a value as `json` reads it, whatever is lacking."""
    if isinstance(value, str):
        if _END in tree:
            texts.append(value)
    elif isinstance(value, dict):
        for step, below in tree.items():
            if isinstance(step, str) and step in value:
                gather(value[step], below, texts)
    elif isinstance(value, list):
        for step, below in tree.items():
            for item in _places(value, step):
                gather(item, below, texts)


def _places(items: list[Any], step: str | Each) -> Iterable[Any]:
    if isinstance(step, Each):
        return filter(step.takes, items)
    return items[int(step) : int(step) + 1] if step.isdecimal() else ()


def lacking(path: str, known: Iterable[str]) -> str:
    """What to say of a path that is not there: the nearest that is, and some of the others."""
    columns = list(known)
    if not columns:
        return f"no column {path!r}, nor any other"
    # Places are compared as `*`: schemas know no numbers.
    general = re.sub(r"(?<=\.)\d+(?=\.|$)", "*", path)
    near = get_close_matches(general, columns, n=1, cutoff=0.0)
    nearest = f"no column {path!r}: the nearest is {near[0]!r}"
    if len(columns) == 1:
        return nearest
    others = ", ".join(map(repr, columns[:_NAMED])) + (", …" if len(columns) > _NAMED else "")
    return f"{nearest}; it has {others}"
