"""A unit of work: the least that is stored, skipped or lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ifrs.audit.record import Measure, Threat

if TYPE_CHECKING:
    from ifrs.audit.bench import Bench


@dataclass
class Found:
    """What a unit found.

    Attributes:
        measures: The numbers.
        note: What a reader should know of how they came about.
    """

    measures: list[Measure]
    note: str | None = None


@dataclass(frozen=True)
class Unit:
    """One case of a suite for one method.

    Attributes:
        suite: The suite's name.
        case: What is done to the model.
        method: The method of planting it is done to; "base" for the base model.
        run: Does it.
        seconds: What it takes on two cores for a model of 270 million weights.
        settings: What else goes in, beside the subject and the set.
        needs: The planted model that must be there first, by name.
        rank: The lower, the earlier `quick` takes it.
        skip: Why it cannot be done, known beforehand.
        threat: What somebody who does this needs; it goes into the record.
        version: Raised when the unit measures something else than before.
    """

    suite: str
    case: str
    method: str
    run: Callable[[Bench], Found]
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)
    needs: str | None = None
    rank: int = 50
    skip: str | None = None
    version: int = 1
    threat: Threat | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.suite}/{self.case}/{self.method}"

    def digest(self, subject: str) -> str:
        """Of everything that goes in; `subject` is the digest of model, set and data."""
        inputs = [subject, self.suite, self.case, self.method, self.settings, self.version]
        text = json.dumps(inputs, sort_keys=True, ensure_ascii=False, default=str)
        return sha256(text.encode()).hexdigest()


def skipped(suite: str, case: str, method: str, why: str) -> Unit:
    """A unit that is known beforehand not to be possible."""
    return Unit(suite, case, method, lambda _: Found([]), 0, skip=why)
