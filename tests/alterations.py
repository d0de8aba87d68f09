"""Every place in a JSON tree, with other values there."""

from __future__ import annotations

import copy


def places(value, path=()):
    """Every place in a JSON tree."""
    yield path
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def alterations(value):
    """Other values than this one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
        yield -value - 1
        yield str(value)
    elif isinstance(value, str):
        yield value + "x"
        yield value[:-1] if value else "y"
        yield None
        if value:
            yield chr(ord(value[0]) ^ 1) + value[1:]
    elif value is None:
        yield []
        yield 0
    elif isinstance(value, list):
        yield [*value, None]
        if value:
            yield value[:-1]
            yield value[1:]
        if len(value) > 1 and value[::-1] != value:
            yield value[::-1]
    else:
        yield {**value, "other": 1}
        for name in value:
            yield {key: item for key, item in value.items() if key != name}


def altered(tree):
    """Every alteration of every place in a tree."""
    for path in places(tree):
        found = tree
        for step in path:
            found = found[step]
        for other in alterations(found):
            if not path:
                yield path, other
                continue
            changed = copy.deepcopy(tree)
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = other
            yield path, changed
