"""One suspect against the sets of a sweep, whatever comes of it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.errors import IfrsError, KeyringError
from ifrs.keyring import Keyring
from ifrs.prove import verify
from ifrs.prove.report import Report
from ifrs.sweep.row import ERROR, NOT_ASKED, Row
from ifrs.sweep.shares import Share, Shares, Stopped
from ifrs.sweep.store import Store
from ifrs.sweep.suspects import Suspect

NO_KEY = "not asked: no key left"
# Libraries set what holds for the whole process while they load, such as torch's usual dtype.
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Local:
    """How models at hand are asked.

    Attributes:
        sets: The sets.
        free: Under which of their keys, by set: those that nobody has seen.
        options: As `ifrs.verify` takes them.
    """

    sets: dict[str, FingerprintSet] = field(repr=False)
    free: dict[str, list[int]]
    options: dict[str, Any]

    def ask(
        self,
        suspect: Suspect,
        names: Sequence[str],
        save: Callable[[str, Report], Row],
    ) -> Iterator[Row]:
        """A row for each set of these names, from one loading of the model.

        Args:
            suspect: The suspect.
            names: Names of sets.
            save: Keeps a set's report, and gives its row.
        """
        usable = [name for name in names if self.free[name]]
        yield from (Row.without(suspect, n, NOT_ASKED, NO_KEY) for n in names if n not in usable)
        if not usable:
            return
        target, problem = None, Problem()
        with problem.caught(), _LOADING:
            target = suspect.make()
        for name in usable:
            if target is None:
                yield Row.without(suspect, name, ERROR, problem)
                continue
            fps, failed, report = self.sets[name], Problem(), None
            with failed.caught():
                report = verify(target, fps, ring=Share(fps, self.free[name]), **self.options)
            if report is None:
                yield Row.without(suspect, name, ERROR, failed)
            else:
                yield save(name, report)
        del target
        _free_memory()


def ask_server(
    suspect: Suspect,
    fps: FingerprintSet,
    shares: Shares,
    ring: Keyring,
    store: Store,
    options: dict[str, Any],
    stopped: Callable[[], bool],
) -> Row:
    """The row of a server under its share of a set's keys.

    Raises:
        Stopped: The sweep was interrupted; what was asked is in the report.
        KeyringError: The keyring cannot be written.
        OSError: The report cannot be written.
    """
    share: list[int] = []
    try:
        share = shares.take(suspect.identity)
        path = store.report_path(suspect, fps.name)
        if not share and not path.exists():
            return Row.without(suspect, fps.name, NOT_ASKED, no_key(shares))
        view = Share(fps, share, ring, stopped)
        problem, report = Problem(), None
        with problem.caught(but=OSError):  # the report cannot be written
            report = verify(suspect.make(), fps, ring=view, resume=path, **options)
        if report is None:
            return _failed(suspect, fps, store, problem)
        return Row.of_report(suspect, report, store.report_file(suspect, fps.name))
    finally:
        spent = set(ring.spent(fps.name)) if share else set()
        shares.give_back(suspect.identity, [index for index in share if index not in spent])


def _failed(suspect: Suspect, fps: FingerprintSet, store: Store, problem: Problem) -> Row:
    """The row of a server that failed, perhaps after keys had left."""
    row, begun = Row.without(suspect, fps.name, ERROR, problem), None
    with problem.caught():
        begun = store.earlier(suspect, fps)
    if begun is None:
        return row
    return replace(row, queries=len(asked(begun)), report=store.report_file(suspect, fps.name))


def asked(report: Report) -> set[int]:
    """The keys of a report that left, with those whose answers are not there."""
    return {query.index for query in report.queries}.union(report.how.get("pending", ()))


def no_key(shares: Shares) -> str:
    """Why a server was not asked."""
    if not shares.left:
        return NO_KEY
    keys = "1 key is" if shares.left == 1 else f"{shares.left} keys are"
    return f"not asked: {keys} left, and a match needs {shares.fewest}"


class Problem:
    """What went wrong with a suspect; what ends the sweep passes through."""

    def __init__(self) -> None:
        """Nothing, so far."""
        self._said = ""

    def __str__(self) -> str:
        return self._said

    @contextmanager
    def caught(self, but: type[Exception] = Stopped) -> Iterator[None]:
        """Note what a suspect brings about, without a secret; `but` is not of its making."""
        try:
            yield
        except (KeyboardInterrupt, GeneratorExit, Stopped, KeyringError, but):
            raise
        # All others, some of which are no Exception: one suspect does not end the sweep.
        except BaseException as error:
            self._said = _said(error)

    @contextmanager
    def swallowed(self) -> Iterator[None]:
        """Note whatever goes wrong, in a process that must not raise."""
        try:
            yield
        except BaseException as error:
            self._said = _said(error)


def _said(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, (IfrsError, OSError)):
        return str(error)
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return "out of memory: verify it by itself, with dtype=bfloat16 or load-in-8bit"
    # Not what it says: it may quote a key.
    return f"unexpected {name}: verify it by itself to see more"


def _free_memory() -> None:
    """Make room for the next model."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
