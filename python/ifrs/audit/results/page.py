"""The audit as one self-contained page, and its plots as files beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ifrs._core import __version__
from ifrs.audit.record import DONE, Record
from ifrs.audit.results.expected import checks
from ifrs.audit.results.plots import plots
from ifrs.audit.results.tables import tables
from ifrs.files import write_text
from ifrs.pages import words
from ifrs.pages.environment import environment

PAGE = "audit.html"


def write_page(out: Path, records: Sequence[Record], facts: Mapping[str, Any]) -> None:
    """Write `audit.html` and `plots/*.svg`.

    Raises:
        ImportError: jinja2 or matplotlib is missing.
        OSError: A file cannot be written.
    """
    drawn = plots(records)
    folder = out / "plots"
    folder.mkdir(exist_ok=True)
    for name, (_, svg) in drawn.items():
        write_text(folder / f"{name}.svg", svg)
    write_text(out / PAGE, render(records, facts, drawn))


def render(
    records: Sequence[Record], facts: Mapping[str, Any], drawn: Mapping[str, tuple[str, str]]
) -> str:
    """The page, as one string of HTML."""
    done = sum(record.status == DONE for record in records)
    seconds = sum(record.seconds for record in records)
    measured = f"{done} {'unit' if done == 1 else 'units'} measured"
    lead = f"{measured} of {facts['planned']} in this plan, {words.duration(seconds)}."
    images = [
        {
            "caption": caption,
            "data": "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode(),
        }
        for caption, svg in drawn.values()
    ]
    page: str = (
        environment("ifrs.audit.results", "train")
        .get_template("audit.html.j2")
        .render(
            title="Fingerprint audit",
            name=facts["name"],
            lead=lead,
            facts=_facts(records, facts),
            checks=[(c.expected, c.found, c.verdict) for c in checks(records)],
            plots=images,
            tables=tables(records),
            css=_style(),
            version=__version__,
        )
    )
    return page


def _facts(records: Sequence[Record], facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    keys = " · ".join(str(facts[name]) for name in ("keys", "source", "template", "response"))
    days = sorted({record.started[:10] for record in records})
    machines = sorted({_machine(record) for record in records})
    return [
        ("Subject", facts["subject"]),
        ("Fingerprints", keys),
        *[("Machine", text) for text in machines],
        ("Dates", " to ".join(dict.fromkeys([days[0], days[-1]])) if days else "–"),
    ]


def _machine(record: Record) -> str:
    m = record.machine
    return f"{m['device']}, {m['processor']}, {m['cores']} cores, torch {m['torch']}"


def _style() -> str:
    """The design that all pages share."""
    folder = files("ifrs.pages") / "templates"
    sheets = ("tokens.css", "verification.css")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in sheets)
