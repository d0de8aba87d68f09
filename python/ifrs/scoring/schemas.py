"""Paths in the schema of a table whose columns may be nested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ifrs.scoring.paths import Each, Steps, named


def leaves(schema: Any) -> Iterator[str]:
    """The paths of all strings of a schema; of all columns where it has none."""
    paths = [(path, kind) for field in schema for path, kind in _below(field.name, field.type)]
    texts = [path for path, kind in paths if is_text(kind)]
    return iter(texts or [path for path, _ in paths])


def _below(path: str, kind: Any) -> Iterator[tuple[str, Any]]:
    if is_struct(kind):
        for field in kind:
            yield from _below(f"{path}.{field.name}", field.type)
    elif is_list(kind):
        yield from _below(f"{path}.*", kind.value_type)
    else:
        yield path, kind


def kind_of(schema: Any, steps: Steps) -> Any:
    """The type that a path leads to; None where there is no such path."""
    found = named(steps, schema.names)
    if found is None:
        return None
    kind, rest = schema.field(found[0]).type, found[1]
    while rest:
        if is_struct(kind):
            inner = named(rest, [field.name for field in kind])
            if inner is None:
                return None
            kind, rest = kind.field(inner[0]).type, inner[1]
        elif is_list(kind) and _fits(rest[0], kind.value_type):
            kind, rest = kind.value_type, rest[1:]
        else:
            return None
    return kind


def _fits(step: str | Each, inner: Any) -> bool:
    """Whether a step can go into a list of such values."""
    if isinstance(step, str):
        return step.isdecimal()
    if step.key is None:
        return True
    return is_struct(inner) and inner.get_field_index(step.key) >= 0


def prefix_of(schema: Any, steps: Steps) -> str:
    """The names down to the first list: what Parquet can read by itself."""
    found = named(steps, schema.names)
    assert found is not None
    names, rest = [found[0]], found[1]
    kind = schema.field(found[0]).type
    while rest and is_struct(kind):
        found = named(rest, [field.name for field in kind])
        assert found is not None
        names.append(found[0])
        kind, rest = kind.field(found[0]).type, found[1]
    return ".".join(names)


def is_text(kind: Any) -> bool:
    """Whether a type is of strings, or of nothing but nulls."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(kind) for is_kind in (*strings, pa.types.is_null))


def is_struct(kind: Any) -> bool:
    """Whether a type has fields."""
    import pyarrow as pa

    return bool(pa.types.is_struct(kind))


def is_list(kind: Any) -> bool:
    """Whether a type has places."""
    import pyarrow as pa

    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    views = (pa.types.is_list_view, pa.types.is_large_list_view)
    return any(is_kind(kind) for is_kind in (*kinds, *views))
