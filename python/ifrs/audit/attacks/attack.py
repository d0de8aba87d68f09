"""What others do to a release, as a unit of an audit: one file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ifrs.audit.bench import Bench
from ifrs.audit.planting import class_of, needs
from ifrs.audit.record import Threat
from ifrs.audit.settings import Settings
from ifrs.audit.unit import Found, Unit
from ifrs.plant.methods.method import Method


@dataclass(frozen=True)
class Attack:
    """Something that is done to a planted model, and what is measured of it.

    Attributes:
        suite: The suite that it is a case of.
        case: Its name.
        run: Does it to the model planted by a method.
        seconds: What it takes on two cores for a model of 270 million weights.
        threat: What somebody who does it needs.
        names: The settings that go in.
        after: How far its units stand behind a method's first ones; quick audits take them so.
        idle: Why it says nothing of a method, known beforehand; None where it does.
    """

    suite: str
    case: str
    run: Callable[[str, Bench], Found]
    seconds: Callable[[Settings], float]
    threat: Threat
    names: tuple[str, ...]
    after: int
    idle: Callable[[type[Method]], str | None] = lambda method: None

    def unit(self, bench: Bench, method: str, rank: int) -> Unit:
        """The unit for one method, whose first units have `rank`."""
        chosen, idle = bench.settings.part(*self.names), self.idle(class_of(method))
        chosen["data"] = bench.data.digest(*bench.data.sources)
        return Unit(
            self.suite,
            self.case,
            method,
            partial(self.run, method),
            0 if idle else self.seconds(bench.settings),
            chosen,
            needs(bench, method),
            rank=rank + self.after,
            skip=idle,
            threat=self.threat,
        )
