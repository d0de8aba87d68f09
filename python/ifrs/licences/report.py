"""What a trace found: who is accused, how sure that is, and who else was looked at."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any

from ifrs._core import __version__
from ifrs.clock import now
from ifrs.files import write_json, write_text

FORMAT = "ifrs/trace/v2"


@dataclass(frozen=True)
class Candidate:
    """One licensee, as the readings speak of it.

    Attributes:
        licensee: Its name.
        score: The symmetric score of its codeword; of an innocent one the mean is 0, and the
            variance the number of positions read.
        log10_p: Base-10 logarithm of the p-value, which counts all licensees and all looks.
        accused: Whether that is at most alpha.
    """

    licensee: str
    score: float
    log10_p: float
    accused: bool


@dataclass
class Trace:
    """Whose copy a suspect is.

    Attributes:
        ranked: Licensees by their scores, the highest first; the first twenty.
        alpha: The probability of accusing any innocent that accusations stay below.
        licensees: How many have copies.
        coalition: For coalitions of how many the code is made.
        readings: By position: 0 or 1 for the first or second response, None for neither or both.
        positions: How many positions the set has.
        looks: How many looks at the scores count.
        evidence: "likelihood" or "text": what was read.
        target: What the suspect is.
        set_name: The fingerprint set's name.
        seconds: Wall time.
        exchanges: Of each position that was asked its `position`, and either `said` (how it was
            asked, and the answer) or `weights` (`nats` of both responses, and the `evidence` of
            their ranks): what an accusation is made of.
        notes: What a reader should know of how it went.
        created: When (RFC 3339, UTC).
    """

    ranked: list[Candidate]
    alpha: float
    licensees: int
    coalition: int
    readings: dict[int, int | None]
    positions: int
    looks: int
    evidence: str
    target: dict[str, Any]
    set_name: str
    seconds: float
    exchanges: list[dict[str, Any]] = field(default_factory=list, repr=False)
    notes: list[str] = field(default_factory=list)
    created: str = field(default_factory=now)

    @property
    def accused(self) -> list[Candidate]:
        """Those whose copies the suspect was made of, the surest first."""
        return [one for one in self.ranked if one.accused]

    @property
    def read(self) -> int:
        """How many positions gave one response for certain."""
        return sum(reading is not None for reading in self.readings.values())

    def to_json(self) -> dict[str, Any]:
        """The file's content. It holds keys and answers: keep it private."""
        return {
            "format": FORMAT,
            "created": self.created,
            "version": __version__,
            "set": self.set_name,
            "target": self.target,
            "evidence": self.evidence,
            "alpha": self.alpha,
            "accused": [one.licensee for one in self.accused],
            "ranked": [asdict(one) for one in self.ranked],
            "licensees": self.licensees,
            "coalition": self.coalition,
            "positions": self.positions,
            "asked": sorted(self.readings),
            "read": self.read,
            "readings": [self.readings.get(place) for place in range(self.positions)],
            "looks": self.looks,
            "exchanges": self.exchanges,
            "seconds": self.seconds,
            "notes": self.notes,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON.

        Raises:
            OSError: It cannot be written.
        """
        write_json(path, self.to_json())

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write it as one page of HTML that loads nothing and runs nothing.

        Raises:
            ImportError: jinja2 is missing.
            OSError: It cannot be written.
        """
        from ifrs.pages.tracing import render_trace

        write_text(path, render_trace(self.to_json()))
