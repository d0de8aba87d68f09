"""What commands print."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

EXIT_YES, EXIT_NO, EXIT_ERROR = 0, 1, 2


def fail(error: object) -> int:
    """One line on standard error, and the exit code of an error."""
    # str() of a KeyError is the repr of its message.
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    line = " ".join(str(message).split()) or type(error).__name__
    print(f"ifrs: {line}", file=sys.stderr)
    return EXIT_ERROR


def print_json(value: Any) -> None:
    """A result for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_facts(facts: Mapping[str, object]) -> None:
    """A result for people: names and values."""
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(f"[bold]{name}[/]", _escape(value))
    Console().print(table)


def print_rows(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """A result for people: a table."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_escape(row[column]) for column in columns))
    Console().print(table)


def _escape(value: object) -> str:
    from rich.markup import escape

    return escape(str(value))


def quiet_libraries() -> None:
    """Keep the bars and warnings of transformers from between our lines."""
    import os
    import warnings

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module="transformers")
