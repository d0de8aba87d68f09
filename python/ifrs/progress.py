"""Progress on a terminal, silence in a pipe, and nothing of libraries between our lines."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
Note = Callable[[str], None]

_SHOWN = threading.Lock()


@contextmanager
def progress(title: str, total: int) -> Iterator[tuple[Advance, Note]]:
    """A bar on standard error that removes itself when done; within another one there is none.

    Yields:
        A function that advances the bar, and one that replaces the note beside it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console, alone = Console(stderr=True), _SHOWN.acquire(blocking=False)
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[note]}"))
    try:
        with Progress(
            *columns,
            TimeElapsedColumn(),
            console=console,
            transient=True,
            # What others print meanwhile goes the way it always goes, which strips it.
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not (alone and console.is_terminal),
        ) as bar:
            task = bar.add_task(title, total=total, note="")
            yield (
                lambda steps: bar.advance(task, steps),
                lambda note: bar.update(task, note=note),
            )
    finally:
        if alone:
            _SHOWN.release()


def quiet_libraries() -> None:
    """Keep the bars and warnings of transformers from between our lines."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module="transformers")
