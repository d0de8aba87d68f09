"""How a file is to be read: its form, its packing, and where its texts are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ifrs.scoring.columns import first_row, open_parquet
from ifrs.scoring.forms import FORMS, form_of, packing_of, refuse_utf16, unknown
from ifrs.scoring.objects import objects
from ifrs.scoring.paths import steps_of
from ifrs.scoring.presets import PRESETS, Preset, recognized
from ifrs.scoring.unpacked import Unpacked, head_of, regular, unpacked_copy

COLUMN = "text"
"""The column of a file that no preset knows."""

_NESTED = ("jsonl", "json", "parquet")
_LOOKED_AT = 100
"""Rows in which one is sought that can be read."""


@dataclass(frozen=True)
class Plan:
    """How a file is to be read.

    Attributes:
        path: A file that can be read more than once.
        shown: What it is called in messages.
        form: One of `FORMS`.
        paths: Where the texts are; none for lines.
        packed: None, `"gzip"` or `"zstd"`.
        preset: What wrote the file, if that is known.
    """

    path: Path
    shown: Path
    form: str
    paths: tuple[str, ...] = ()
    packed: str | None = None
    preset: Preset | None = None

    def place(self, row: int) -> str:
        """What a row is called in messages: lines as editors count them, other rows as hits do."""
        by_line = self.form in ("lines", "jsonl")
        return f"{self.shown}, line {row + 1}" if by_line else f"{self.shown}, row {row}"


@contextmanager
def planned(shown: Path, column: str | None = None, form: str | None = None) -> Iterator[Plan]:
    """Look at a file.

    Args:
        shown: The file; `-` is standard input.
        column: The column, or a dotted path to it; None takes a preset that fits, or `COLUMN`.
        form: A form or the name of a preset; None goes by the file's name.

    Yields:
        How to read it. A copy that had to be made is gone when the block ends.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not known what it holds, or column and form do not go together.
        ImportError: It is Parquet, or packed by zstd, and pyarrow is missing.
    """
    kind = _kind(shown, column, form)
    with regular(shown) as path:
        head = head_of(path)
        refuse_utf16(shown, head)
        packed = packing_of(head)
        kind = _looked_at(path, kind, shown)
        if kind == "parquet" and packed:
            with unpacked_copy(path, shown) as copy:
                yield _plan(Plan(copy, shown, kind), column, form)
        else:
            yield _plan(Plan(path, shown, kind, packed=packed), column, form)


def _kind(shown: Path, column: str | None, form: str | None) -> str | None:
    """The form by name; None where a preset's rows must show it."""
    kind = form if form in FORMS else form_of(shown)
    if form in PRESETS:
        if column is not None:
            raise ValueError(
                f"--format {form} has paths of its own: leave --column out, or name a plain format"
            )
        if kind not in (None, *_NESTED):
            raise ValueError(f"--format {form} is of JSON or Parquet: {shown} is {kind}")
    elif form is not None and form not in FORMS:
        known = ", ".join((*FORMS, *PRESETS))
        raise ValueError(f"there is no format {form!r}: choose one of {known}")
    elif kind is None:
        raise ValueError(unknown(shown))
    if kind == "lines" and column is not None:
        raise ValueError(
            f"{shown} is read as lines, which have no columns: leave --column out, or say what "
            "it holds with --format jsonl, json, csv, tsv or parquet"
        )
    return kind


def _looked_at(path: Path, kind: str | None, shown: Path) -> str:
    """The form, of JSON by its first lines: many a `.json` file holds JSON lines."""
    if kind not in (None, "json"):
        return str(kind)
    with Unpacked(path) as file:
        start = next((block for block in file.blocks(shown) if block.strip()), b"")
    if not start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return "json"
    with Unpacked(path) as file:
        rows = (row for row in objects(file, "jsonl", shown) if row is not None)
        first, second = next(rows, None), next(rows, None)
    return "jsonl" if isinstance(first, dict) and second is not None else "json"


def _plan(plan: Plan, column: str | None, form: str | None) -> Plan:
    """Add where the texts are."""
    if plan.form == "lines":
        return plan
    if column is not None:
        steps_of(column)
        return replace(plan, paths=(column,))
    preset, first = PRESETS.get(form or ""), None
    if plan.form in _NESTED and (form is None or preset is not None):
        first = _first_row(plan)
        preset = preset or recognized(first)
    if preset is None:
        return replace(plan, paths=(COLUMN,))
    refused = preset.refuses(first) if isinstance(first, dict) else None
    if refused:
        raise ValueError(f"{plan.shown} holds {refused}")
    return replace(plan, paths=preset.paths, preset=preset)


def _first_row(plan: Plan) -> Any:
    """The first row that is an object; None where there is none soon."""
    if plan.form == "parquet":
        file = open_parquet(plan.path, plan.shown)
        return first_row(file, plan.shown)
    with Unpacked(plan.path) as file:
        rows = islice(objects(file, plan.form, plan.shown), _LOOKED_AT)
        return next((row for row in rows if isinstance(row, dict)), None)
