"""`ifrs score`: score texts against patterns."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer

from ifrs.cli.options import AcceptOlder, Identity, PassphraseFile, open_keyring
from ifrs.cli.output import EXIT_NO
from ifrs.files import write_text
from ifrs.scoring import score


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
    out: Annotated[Path | None, typer.Option(help="Write here, not to standard output.")] = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    accept_older: AcceptOlder = False,
) -> None:
    """Score texts against patterns, and print hits as JSON lines.

    Rows and patterns are counted from 0. Exit code 0: some hit; 1: none.
    """
    wanted = _patterns(patterns, (passphrase_file, identity, accept_older))
    rows = read_texts(texts, column)
    scores = score(rows, wanted, method=cast(Any, method), cutoff=cutoff, workers=workers)
    hits = [
        json.dumps({"text": int(i), "pattern": int(j), "score": round(float(scores[i, j]), 6)})
        for i, j in np.argwhere(scores > 0)
    ]
    found = "".join(hit + "\n" for hit in hits)
    if out is None:
        sys.stdout.write(found)
    else:
        write_text(out, found)
    if not hits:
        raise typer.Exit(EXIT_NO)


def read_texts(path: Path, column: str) -> list[str | None]:
    """The texts of a file, one a line or row.

    Raises:
        ValueError: A row has no such column or no text in it; the row is named.
    """
    if path.suffix == ".parquet":
        from pyarrow import parquet

        table = parquet.read_table(path)
        if column not in table.column_names:
            raise ValueError(f"{path} has no column {column!r} but {table.column_names}")
        return cast("list[str | None]", table[column].to_pylist())
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix != ".jsonl":
        return list(lines)
    return [_field(path, place, line, column) for place, line in enumerate(lines, 1)]


def _field(path: Path, place: int, line: str, column: str) -> str | None:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path}, line {place}: not JSON") from error
    if not isinstance(row, dict) or column not in row:
        raise ValueError(f"{path}, line {place}: no column {column!r}")
    text = row[column]
    if text is not None and not isinstance(text, str):
        raise ValueError(f"{path}, line {place}: {column!r} is no text")
    return text


def _patterns(source: str, access: tuple[Path | None, Path | None, bool]) -> list[str]:
    """Patterns from a file, or the responses of a keyring's set."""
    if Path(source).exists():
        try:
            lines = Path(source).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{source} is no text file: name a set as KEYRING:NAME") from error
        return [line for line in lines if line]
    path, colon, name = source.rpartition(":")
    if not colon:
        raise FileNotFoundError(f"there is no file {source}")
    with open_keyring(Path(path), *access) as ring:
        fps = ring[name]
    return [fps[i].response for i in range(len(fps))]
