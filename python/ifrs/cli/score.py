"""`ifrs score`: score texts against patterns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from ifrs.cli.access import Access
from ifrs.cli.options import examples
from ifrs.cli.output import EXIT_NO, say
from ifrs.progress import progress
from ifrs.scoring import Method, top_hits
from ifrs.scoring.files import Report, TextRows
from ifrs.scoring.forms import FORMS
from ifrs.scoring.plans import Plan, planned
from ifrs.scoring.presets import PRESETS
from ifrs.scoring.sinks import open_sink

EXAMPLES = examples(
    "ifrs score logs.jsonl --patterns keyring.ifrs:release-1",
    "ifrs score batch.jsonl.gz --patterns keyring.ifrs:release-1 --format openai-batch",
    "ifrs score logs.parquet --patterns words.txt --column answer --cutoff 0.9 --out hits.parquet",
)
_FORMAT = (
    f"What the file holds: {', '.join(FORMS)}; or which program wrote it: {', '.join(PRESETS)}. "
    "Default: by its name and first row."
)
_NAMED = 10
"""Skipped rows that are named; the others are counted."""


def command(
    texts: Annotated[
        Path,
        typer.Argument(
            metavar="TEXTS",
            help="A .txt, .jsonl, .json, .csv, .tsv or .parquet file, also with .gz or .zst. "
            "- is standard input.",
        ),
    ],
    patterns: Annotated[
        str,
        typer.Option(
            metavar="FILE|KEYRING:NAME",
            help="A file with one pattern a line, or a set's responses.",
        ),
    ],
    column: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="The column, or a path such as choices.0.message.content; * is every place of a "
            "list. Default: what the format says, or text.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help=_FORMAT,
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="How to compare: exact, partial or ratio.")
    ] = "partial",
    cutoff: Annotated[float, typer.Option(help="Leave out hits with a lower score.")] = 0.8,
    workers: Annotated[int, typer.Option(help="Threads; 0 takes all cores.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Write hits here, as JSON lines or .parquet."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Skip rows that cannot be read, and report them.")
    ] = False,
    *,
    access: Access,
) -> None:
    """Find texts that hold a pattern, exactly or nearly. Hits are JSON lines.

    The file may be larger than memory. Rows and patterns are counted from 0. Exit code 0: some
    hit; 1: no hit; 2: an error, or no row had a text.
    """
    wanted = _patterns(patterns, access)
    scoring = _Scoring(wanted, cast(Method, method), cutoff, workers)
    with planned(texts, column, form) as plan, _skipping(plan, skip_bad) as skipped:
        _say_what_was_taken(plan, form)
        rows = TextRows(plan, sought=(wanted, method, cutoff), workers=workers, skipped=skipped)
        hits = _score(rows, scoring, plan, out)
    if rows.without:
        say(f"ifrs: {texts}: {rows.without:,} of {rows.rows:,} rows have no text", err=True)
    if not hits:
        raise typer.Exit(EXIT_NO)


@dataclass(frozen=True)
class _Scoring:
    """What texts are scored against, and how."""

    patterns: list[str]
    method: Method
    cutoff: float
    workers: int


def _say_what_was_taken(plan: Plan, form: str | None) -> None:
    if plan.preset is not None and form is None:
        say(
            f"ifrs: {plan.shown} is {plan.preset.source}: read as --format {plan.preset.name}; "
            "name a --column for something else",
            err=True,
        )


def _score(rows: TextRows, scoring: _Scoring, plan: Plan, out: Path | None) -> int:
    """Score all rows and write the hits; returns their number."""
    hits = position = 0
    with open_sink(out) as write, progress("scoring", rows.total) as (advance, note):
        for chunk in rows:
            found, which, scores = top_hits(
                chunk.texts,
                scoring.patterns,
                method=scoring.method,
                cutoff=scoring.cutoff,
                workers=scoring.workers,
            )
            write((chunk.rows_of(found), which, scores))
            hits += len(found)
            advance(chunk.position - position)
            note(f"{hits:,} hits")
            position = chunk.position
        if rows.nothing_scored:
            raise ValueError(_nothing(rows, plan))
    return hits


def _nothing(rows: TextRows, plan: Plan) -> str:
    """What to say where no row had a text: that is no answer."""
    where = f" at {' or '.join(plan.paths)}" if plan.paths else ""
    return (
        f"{plan.shown}: nothing was scored: none of {rows.rows:,} rows has a text{where} "
        f"({rows.skipped:,} could not be read): name the right one with --column or --format"
    )


@contextmanager
def _skipping(plan: Plan, skip: bool) -> Iterator[Report | None]:
    """Reports skipped rows on standard error: the first few by name, then their number."""
    if not skip:
        yield None
        return
    count = 0

    def report(row: int, why: str) -> None:
        nonlocal count
        count += 1
        if count <= _NAMED:
            say(f"ifrs: {plan.place(row)}: {why}: skipped", err=True)

    yield report
    if count > _NAMED:
        say(f"ifrs: {plan.shown}: {count} rows skipped in all", err=True)


def _patterns(source: str, access: Access) -> list[str]:
    """Patterns from a file, or the responses of a keyring's set."""
    if Path(source).exists():
        try:
            # A byte-order mark is no part of a pattern, and a line ends as one of texts does.
            lines = Path(source).read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{source} is no text file: name a set as KEYRING:NAME") from error
        wanted = [line for line in lines if line]
        if not wanted:
            raise ValueError(f"{source} holds no pattern: write one a line")
        return wanted
    path, colon, name = source.rpartition(":")
    if not colon:
        raise FileNotFoundError(f"there is no file {source}")
    with access.open(Path(path)) as ring:
        fps = ring[name]
    if fps.is_signal:
        raise ValueError(f"{name} is a signal, which no text holds as a pattern: use ifrs verify")
    return [fps[i].response for i in range(len(fps))]
