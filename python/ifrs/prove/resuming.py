"""A report that is written while it comes about, and resumed after an interruption."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ifrs._core import FileLock, FingerprintSet
from ifrs.errors import EvidenceError
from ifrs.files import write_json
from ifrs.modalities.suspect import Answer
from ifrs.prove.report import Report

_LOST = "interrupted before an answer was recorded"


@dataclass(frozen=True)
class Earlier:
    """What an earlier run found.

    Attributes:
        answers: Answers by index.
        words: How many words of a response its server's probabilities ranked; 0 for a weighed text;
            None where there was no earlier run.
        probe: What its probe found.
        questions: How many questions of each domain it asked; None where keys are no domains.
    """

    answers: dict[int, Answer] = field(default_factory=dict)
    words: int | None = None
    probe: dict[str, Any] | None = None
    questions: int | None = None


P = ParamSpec("P")
R = TypeVar("R")


def alone(work: Callable[P, R]) -> Callable[P, R]:
    """Keep two processes from going on with one report, which both would ask for.

    Of the decorated function, the keyword argument `resume` names the report, if there is one. Its
    lock lies beside it, and goes with the call.

    Raises:
        EvidenceError: Another process has it.
        OSError: The lock cannot be written.
    """

    @wraps(work)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        report: Any = kwargs.get("resume")
        if report is None:
            return work(*args, **kwargs)
        lock = FileLock(os.path.realpath(report))
        try:
            return work(*args, **kwargs)
        finally:
            lock.release()

    return locked


def read(
    path: str | os.PathLike[str],
    fps: FingerprintSet,
    target: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Earlier:
    """What an earlier run found under each key that it sent.

    A key that was sent and whose answer was not recorded counts as one that was not answered.

    Returns:
        That; nothing where there is no file.

    Raises:
        EvidenceError: The file is no report, or one of another set, suspect or setting.
    """
    if not Path(path).exists():
        return Earlier()
    report = Report.load(path)
    if report.target != target:
        raise EvidenceError(f"{path} is a report on another suspect: choose another file")
    if report.leaves != fps.leaves():
        raise EvidenceError(f"{path} is a report under other keys: choose another file")
    before = {"alpha": report.alpha, "decoys": report.decoys, "claim": report.claim, **report.how}
    if report.how.get("looks", 1) > 1:
        before["questions"] = None  # as many as it takes
    for name, value in settings.items():
        # Where a server refuses temperature 0, none is written down.
        if before.get(name) != value and (name, before.get(name)) != ("temperature", None):
            had = before.get(name)
            same = f"{name}={had}: pass the same" if had is not None else f"no {name}: leave it out"
            raise EvidenceError(f"{path} was begun with {same}, or choose another file")
    found = {
        query.index: Answer(
            query.answer,
            query.asked,
            query.asked.get("error"),
            query.cut_off,
            query.asked_after,
            query.further,
        )
        for query in report.queries
    }
    if fps.is_signal:
        # A domain is not spent by being asked: where answers failed or were lost, all are asked
        # again, from its first question on.
        found = {index: answer for index, answer in found.items() if answer.error is None}
    else:
        for index in report.how.get("pending", []):
            found.setdefault(index, Answer("", {"request": {}, "raw": "", "error": _LOST}, _LOST))
    how = report.how
    return Earlier(found, how.get("words", 0), how.get("probe"), how.get("questions"))


class Saver:
    """Writes a file again whenever there is something new, beside the work that brings it.

    What comes in while the file is being written goes into the next writing, so that a thousand
    answers a second do not wait for a thousand files.
    """

    def __init__(self, path: str | os.PathLike[str], content: Callable[[], Any]) -> None:
        """Begin; nothing is written yet."""
        self._path, self._content = path, content
        self._news, self._closing = threading.Event(), False
        self._writing = threading.Lock()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="ifrs-report", daemon=True)
        self._thread.start()

    def touch(self) -> None:
        """Say that there is something new.

        Raises:
            OSError: An earlier writing failed.
        """
        if self._error is not None:
            raise self._error
        self._news.set()

    def write(self) -> None:
        """Write now; it is on the disk when this returns.

        Raises:
            OSError: The file cannot be written.
        """
        with self._writing:
            write_json(self._path, self._content())

    def close(self) -> None:
        """Write the last state, and end.

        Raises:
            OSError: The file cannot be written.
        """
        self._closing = True
        self._news.set()
        self._thread.join()
        self.write()

    def _work(self) -> None:
        while not self._closing:
            self._news.wait()
            self._news.clear()
            try:
                self.write()
            except Exception as error:
                self._error = error
                return
