"""Whose turn it is: which unit starts next, where several may run, and what a budget leaves out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from ifrs.audit.bench import SIBLING, Bench
from ifrs.audit.record import DONE, Record
from ifrs.audit.unit import Unit

# Of a budget: what estimates may be wrong by, for all units together and for the last.
_RESERVE, _LAST_RESERVE = 0.1, 60.0


def makes(unit: Unit) -> str | None:
    """The name of the model that a unit leaves for others."""
    if unit.case == "plant":
        return unit.method
    return unit.case if unit.case == SIBLING else None


def waits_for(unit: Unit) -> list[str]:
    """Names of the models that must be there before a unit runs."""
    needs = [unit.needs] if unit.needs is not None else []
    return [*needs, SIBLING] if unit.case.startswith(("merge-", "ensemble")) else needs


class Turns:
    """Units in the order they start, at most `slots` at the same time.

    A unit waits until the models that it needs are whole. With a budget none starts that would end
    late: it is left, and so is what waits for it.
    """

    def __init__(self, bench: Bench, units: list[Unit], budget: float | None, slots: int = 1):
        """Take what is to be done, in its order, and the seconds there are for it."""
        self._bench, self._scale, self._slots = bench, bench.subject.scale, slots
        self._chosen = units
        if budget is not None:
            self._chosen = fitting(bench, units, budget * slots, self._scale)
        # Taken up at the end if the others were quicker than estimated.
        self._spare = sorted((u for u in units if u not in self._chosen), key=lambda u: u.rank)
        self._waiting = [*self._chosen, *self._spare]
        self._running: list[Unit] = []
        self._end = math.inf if budget is None else budget - min(_RESERVE * budget, _LAST_RESERVE)
        self._started, self._pace = time.monotonic(), 1.0
        self.left: list[str] = []
        self._unmade: set[str | None] = set()

    def take(self) -> Unit | None:
        """The next unit; None where none is left, or all wait for what runs."""
        for unit in list(self._waiting):
            if self._is_blocked(unit):
                continue
            self._waiting.remove(unit)
            if self._is_out(unit):
                self._leave(unit)
                continue
            self._running.append(unit)
            return unit
        if not self._running:
            for unit in self._waiting:
                self._leave(unit)
            self._waiting = []
        return None

    def ended(self, unit: Unit, record: Record) -> None:
        """A unit that was taken has its record."""
        self._running.remove(unit)
        cost = unit.seconds * self._scale
        if record.status == DONE and cost > 1:
            self._pace = 0.7 * self._pace + 0.3 * record.seconds / cost

    def put_off(self, unit: Unit) -> None:
        """A unit that was taken could not start in time."""
        self._running.remove(unit)
        self._leave(unit)

    def slack(self, unit: Unit) -> float:
        """How many seconds from now a unit may start at the latest."""
        spent = time.monotonic() - self._started
        return self._end - spent - self._pace * unit.seconds * self._scale

    @property
    def open(self) -> int:
        """How many units still wait or run, of those that were chosen."""
        return len(self._ahead())

    @property
    def rest(self) -> float:
        """Seconds until what was chosen is done, if all goes on as it went."""
        ahead = sum(unit.seconds for unit in self._ahead() if unit.skip is None)
        return self._pace * self._scale * ahead / self._slots

    def _ahead(self) -> list[Unit]:
        return [u for u in (*self._waiting, *self._running) if u not in self._spare]

    def _is_blocked(self, unit: Unit) -> bool:
        """Whether a model that it needs is being made, or is still to be made."""
        others = (makes(other) for other in (*self._waiting, *self._running) if other is not unit)
        return not set(waits_for(unit)).isdisjoint(others)

    def _is_out(self, unit: Unit) -> bool:
        if unit.skip is not None:
            return False
        missing = [name for name in waits_for(unit) if not self._bench.has(name)]
        never = unit in self._spare or not self._unmade.isdisjoint(missing)
        return self.slack(unit) < 0 or (bool(missing) and never)

    def _leave(self, unit: Unit) -> None:
        self.left.append(unit.name)
        self._unmade.add(makes(unit))


def fitting(bench: Bench, units: Iterable[Unit], budget: float, scale: float) -> list[Unit]:
    """The most telling units that fit, each with the planting that it waits for."""
    makers = {makes(unit): unit for unit in units}
    room = budget * (1 - _RESERVE)
    taken: set[int] = set()
    for unit in sorted(units, key=lambda unit: unit.rank):
        missing = [name for name in waits_for(unit) if not bench.has(name)]
        wanted = [unit, *(makers[name] for name in missing if name in makers)]
        cost = sum(u.seconds * scale for u in wanted if id(u) not in taken and u.skip is None)
        if cost <= room:
            room -= cost
            taken.update(id(u) for u in wanted)
    return [unit for unit in units if id(unit) in taken]
