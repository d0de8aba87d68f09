"""The table of a sweep, for programs, for spreadsheets and for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ifrs._core import __version__
from ifrs.clock import now
from ifrs.files import write_json, write_text
from ifrs.pages.sweep import render_sweep
from ifrs.sweep.row import Row
from ifrs.sweep.store import FORMAT

JSON, CSV, PAGE = "table.json", "table.csv", "index.html"
COLUMNS = (
    "suspect",
    "set",
    "verdict",
    "p_value",
    "log10_p",
    "fsr",
    "queries",
    "evidence",
    "note",
    "report",
)
# What spreadsheets take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(rows: Iterable[Row], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The table as plain data; docs/reference/formats.md is its specification."""
    shown = [{name: row.to_json()[name] for name in COLUMNS} for row in rows]
    return {
        "format": FORMAT,
        "ifrs_version": __version__,
        "created": now(),
        "settings": dict(settings),
        "rows": shown,
    }


def write_table(folder: Path, made: Mapping[str, Any]) -> None:
    """Write `table.json`, `table.csv` and `index.html`.

    Raises:
        ImportError: jinja2 is missing.
        OSError: A file cannot be written.
    """
    write_json(folder / JSON, made)
    write_text(folder / CSV, _csv(made["rows"]))
    facts = {
        "alpha": made["settings"]["alpha"],
        "created": made["created"],
        "version": made["ifrs_version"],
    }
    write_text(folder / PAGE, render_sweep(made["rows"], facts))


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
