"""A sweep: what is left to do, what is said before it begins, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.errors import EvidenceError, FingerprintError
from ifrs.keyring import Keyring
from ifrs.prove.report import Report
from ifrs.sweep.asking import Local, ask_server, asked
from ifrs.sweep.row import ERROR, Row
from ifrs.sweep.shares import Shares, Stopped, needs
from ifrs.sweep.store import Store
from ifrs.sweep.suspects import Suspect
from ifrs.sweep.threads import Crew

_NAMED = 5  # suspects in a line for people
Todo = tuple[Suspect, list[str]]
OnRow = Callable[[Row], None]


@dataclass(frozen=True)
class Options:
    """How suspects are asked.

    Attributes:
        server: As `ifrs.verify` takes them, for a server.
        local: And for a model at hand.
        most: The most keys that a server gets; None for what silence needs to count.
    """

    server: dict[str, Any]
    local: dict[str, Any]
    most: int | None = None


def require_sweepable(fps: FingerprintSet) -> None:
    """Refuse a set that can prove nothing by itself, before a key is spent on it.

    Raises:
        FingerprintError: It is such a set, or one for another kind of model.
    """
    if fps.modality != "text":
        raise FingerprintError(f"the set {fps.name!r} is for {fps.modality}: sweeps are for text")
    if fps.is_signal:
        raise FingerprintError(
            f"the keys of the set {fps.name!r} are domains, which are not shared out: verify one "
            "suspect after another"
        )
    if not fps.candidates("text", 1):
        raise FingerprintError(
            f"the keys of the set {fps.name!r} share one response, which proves nothing by itself: "
            "sweep with another set"
        )


@dataclass
class Sweep:
    """What is left to do.

    Attributes:
        store: Where it is kept.
        sets: The sets, by name, in order.
        suspects: The suspects, in order.
        options: How they are asked.
        left: For each suspect, the sets that it is still to be asked about.
    """

    store: Store
    sets: dict[str, FingerprintSet] = field(repr=False)
    suspects: list[Suspect]
    options: Options
    left: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        """Find out what is done; an interruption may have left reports without a row."""
        self.left = {suspect.identity: [] for suspect in self.suspects}
        self._asked: dict[tuple[str, str], int] = {}
        for suspect in self.suspects:
            for name in self.sets:
                if not self.store.done(suspect, name) and not self._found(suspect, name):
                    self.left[suspect.identity].append(name)

    def _found(self, suspect: Suspect, name: str) -> bool:
        try:
            report = self.store.earlier(suspect, self.sets[name])
        except EvidenceError as error:
            self.store.add(Row.without(suspect, name, ERROR, error))
            return True
        if report is None:
            return False
        self._asked[suspect.identity, name] = len(asked(report))
        if not report.how.get("complete"):
            return False
        self.store.add(Row.of_report(suspect, report, self.store.report_file(suspect, name)))
        return True

    def todo(self, which: Callable[[Suspect], bool]) -> list[Todo]:
        """Suspects of some kind with what is left to ask them about, in order."""
        every = [(one, self.left[one.identity]) for one in self.suspects if which(one)]
        return [(suspect, names) for suspect, names in every if names]

    def rows(self) -> list[Row]:
        """What is known, in the order of the list and of the sets."""
        pairs = ((suspect, name) for suspect in self.suspects for name in self.sets)
        found = (self.store.row(suspect, name) for suspect, name in pairs)
        return [row for row in found if row is not None]

    def shares(self, ring: Keyring) -> dict[str, Shares]:
        """For each set, which keys are for which server."""
        found = {}
        for name, fps in self.sets.items():
            spent = set(ring.spent(name))
            fewest, usual = needs(fps, self.options.server["alpha"], self.options.server["decoys"])
            most = self.options.most or usual
            wants = {
                suspect.identity: max(0, most - self._asked.get((suspect.identity, name), 0))
                for suspect, names in self.todo(lambda one: one.served)
                if name in names
            }
            free = [index for index in range(len(fps)) if index not in spent]
            found[name] = Shares(free, wants, min(fewest, most))
        return found

    def forecast(self, shares: dict[str, Shares]) -> list[str]:
        """Lines that say, before any key is spent, how far the keys go."""
        return [line for name, of in shares.items() for line in self._forecast(name, of)]

    def _forecast(self, name: str, shares: Shares) -> Iterable[str]:
        if not shares.wants:
            return
        keys, servers = _count(shares.free, "key"), _count(len(shares.wants), "server")
        few, many = shares.fewest, max(shares.wants.values())
        yield (
            f"set {name!r}: {keys} left for {servers}, each gets {few} to {many} of them; "
            f"enough for {len(shares.sure)} whatever they answer"
        )
        unsure = [one.label for one in self.suspects if one.identity in shares.unsure]
        if unsure:
            more = f" and {len(unsure) - _NAMED} more" if len(unsure) > _NAMED else ""
            yield (
                f"set {name!r}: asked only if others leave keys over: "
                f"{', '.join(unsure[:_NAMED])}{more}"
            )

    def ask_servers(
        self,
        shares: dict[str, Shares],
        ring: Keyring,
        at_once: int,
        on_row: OnRow,
    ) -> None:
        """Ask all servers, some side by side, each about one set after the other.

        Raises:
            KeyringError: The keyring cannot be written.
            OSError: A file cannot be written.
        """
        crew = Crew(at_once)

        def ask(item: Todo) -> None:
            suspect, names = item
            for name in names:
                if crew.stopped():
                    raise Stopped
                row = ask_server(
                    suspect,
                    self.sets[name],
                    shares[name],
                    ring,
                    self.store,
                    self.options.server,
                    crew.stopped,
                )
                self.store.add(row)
                on_row(row)

        def wake() -> None:
            for one in shares.values():
                one.stop()

        crew.run(ask, self.todo(lambda one: one.served), wake)

    def local(self, ring: Keyring) -> Local:
        """How models at hand are asked; the keyring may be closed afterwards."""
        free = {}
        for name, fps in self.sets.items():
            spent = set(ring.spent(name))
            free[name] = [index for index in range(len(fps)) if index not in spent]
        return Local(self.sets, free, self.options.local)

    def save(self, suspect: Suspect, name: str, report: Report) -> Row:
        """Keep a report; its row."""
        report.save(self.store.report_path(suspect, name))
        return Row.of_report(suspect, report, self.store.report_file(suspect, name))


def ask_locals(
    sweep: Sweep, items: Sequence[Todo], local: Local, workers: int, on_row: OnRow
) -> None:
    """Ask models at hand on this machine, `workers` at a time.

    Raises:
        OSError: A file cannot be written.
    """
    crew = Crew(workers)

    def ask(item: Todo) -> None:
        suspect, names = item

        def save(name: str, report: Report) -> Row:
            return sweep.save(suspect, name, report)

        for row in local.ask(suspect, names, save):
            if crew.stopped():
                raise Stopped
            sweep.store.add(row)
            on_row(row)

    if workers > 1:
        crew.run(ask, items, lambda: None)
        return
    for item in items:  # in this thread, where Ctrl-C is heard at once
        ask(item)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
