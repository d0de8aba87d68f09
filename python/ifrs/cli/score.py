"""`ifrs score`: score texts against patterns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast

import typer

from ifrs.cli.access import Access
from ifrs.cli.output import EXIT_NO, say
from ifrs.progress import progress
from ifrs.scoring import Method, top_hits
from ifrs.scoring.files import Report, TextRows
from ifrs.scoring.sinks import open_sink

_NAMED = 10
"""Skipped rows that are named; the others are counted."""


def command(
    texts: Annotated[
        Path, typer.Argument(metavar="TEXTS", help="A .txt, .jsonl or .parquet file.")
    ],
    patterns: Annotated[
        str, typer.Option(metavar="FILE|KEYRING:NAME", help="One pattern a line, or a set.")
    ],
    column: Annotated[str, typer.Option(help="The column of .jsonl and .parquet.")] = "text",
    method: Annotated[str, typer.Option(help="exact, partial or ratio.")] = "partial",
    cutoff: Annotated[float, typer.Option(help="Leave out lower scores.")] = 0.8,
    workers: Annotated[int, typer.Option(help="Threads; 0 takes all cores.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Write JSON lines, or .parquet, here, not to standard output."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Report lines without a text and go on.")
    ] = False,
    *,
    access: Access,
) -> None:
    """Score texts against patterns, and print hits as JSON lines.

    The file is read chunk by chunk: it may be larger than memory. Rows and patterns are counted
    from 0. Exit code 0: some hit; 1: none.
    """
    wanted = _patterns(patterns, access)
    with _skipping(texts, skip_bad) as skipped:
        rows = TextRows(texts, column, workers=workers, skipped=skipped)
        hits = _score(rows, wanted, cast(Method, method), cutoff, workers, out)
    if not hits:
        raise typer.Exit(EXIT_NO)


def _score(
    rows: TextRows, wanted: list[str], method: Method, cutoff: float, workers: int, out: Path | None
) -> int:
    """Score all rows and write the hits; returns their number."""
    hits = position = 0
    with open_sink(out) as write, progress("scoring", rows.total) as (advance, note):
        for chunk in rows:
            found, which, scores = top_hits(
                chunk.texts, wanted, method=method, cutoff=cutoff, workers=workers
            )
            write((chunk.rows_of(found), which, scores))
            hits += len(found)
            advance(chunk.position - position)
            note(f"{hits:,} hits")
            position = chunk.position
    return hits


@contextmanager
def _skipping(path: Path, skip: bool) -> Iterator[Report | None]:
    """Reports skipped lines on standard error: the first few by name, then their number."""
    if not skip:
        yield None
        return
    count = 0

    def report(row: int, why: str) -> None:
        nonlocal count
        count += 1
        if count <= _NAMED:
            say(f"ifrs: {path}, line {row + 1}: {why}: skipped", err=True)

    yield report
    if count > _NAMED:
        say(f"ifrs: {path}: {count} lines skipped in all", err=True)


def _patterns(source: str, access: Access) -> list[str]:
    """Patterns from a file, or the responses of a keyring's set."""
    if Path(source).exists():
        try:
            lines = Path(source).read_text(encoding="utf-8").splitlines()
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
    return [fps[i].response for i in range(len(fps))]
