"""`ifrs.licences.trace`: from a suspect to whose copy it is."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import FingerprintError, KeyringError, TargetError
from ifrs.keyring import Keyring, keyring_of
from ifrs.licences.reading import Positions, Seen
from ifrs.licences.report import Candidate, Trace
from ifrs.modalities.suspect import Answer, NeverAnswers
from ifrs.prove.ledger import Ledger, Ring

# Licensees whose p-values a report shows.
_SHOWN = 20


@dataclass(frozen=True)
class Licensees:
    """Who has copies of a set.

    Attributes:
        names: Each licensee once.
        coalition: The largest coalition that the code is made for.
    """

    names: Sequence[str]
    coalition: int

    @classmethod
    def of(cls, ring: Keyring, name: str) -> Licensees:
        """Those of a keyring.

        Raises:
            KeyringError: The set was planted for nobody.
        """
        issued = [str(row["licensee"]) for row in ring.licences(name)]
        return cls(list(dict.fromkeys(issued)), ring.coalition(name))


def trace(
    target: Any,
    fps: FingerprintSet,
    *,
    licensees: Licensees | None = None,
    alpha: float = 1e-6,
    max_queries: int | None = None,
    max_new_tokens: int | None = None,
    ring: Ring = None,
) -> Trace:
    """Find whose copy a suspect is, or whose copies it was made of.

    Every position of the set is read: which of its two responses the suspect gives, or none for
    certain. Each licensee's codeword is scored against that (Škorić et al., 2008). The p-value of
    an accusation is exact, whatever the suspect is and however it was read, and counts all
    licensees and all looks: some innocent is accused with probability `alpha` at most.

    Weights at hand are read by the likelihoods of both responses, all positions at once. A server
    is asked in text, position after position; keys sent to it are journalled as spent before, and
    those spent before are not sent. Asking ends as soon as one accusation is certain.

    Args:
        target: The suspect, as `ifrs.verify` takes it.
        fps: The set.
        licensees: Who has copies; those in the set's keyring without them.
        alpha: The probability of accusing any innocent to stay below.
        max_queries: The most positions to ask a server about; None for all.
        max_new_tokens: The longest answer, in the suspect's tokens.
        ring: The keyring to journal in, as `ifrs.verify` takes it.

    Raises:
        TargetError: The suspect does not answer, or has too little in common with the keys' kind.
        FingerprintError: Every key is spent, and the suspect is behind a server.
        KeyringError: There are no licensees, or keys would be sent away unrecorded.
        ValueError: `alpha` or `max_queries` is out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if max_queries is not None and max_queries < 1:
        raise ValueError(f"max_queries must be at least 1, not {max_queries}")
    started = time.monotonic()
    known = licensees or _licensees(fps, ring)
    if not known.names:
        raise KeyringError(f"no copy of {fps.name!r} was stamped: there is nobody to accuse")
    positions = Positions(target, fps)
    trial = _Trial(fps, known, alpha)
    ledger = Ledger(fps, ring, address=positions.asked.address)
    seen, reason = positions.asked.sees_likelihoods()
    notes = [*positions.asked.notes]
    if seen and positions.asked.address is None:
        trial.look(dict(enumerate(positions.by_likelihood(range(len(fps))))))
        evidence = "likelihood"
    else:
        evidence = "text"
        notes += [] if reason is None else [reason]
        asking = _Asking(positions, ledger, trial, max_new_tokens)
        asking.run(_planned(fps, ledger, max_queries))
        notes += asking.notes + ledger.notes()
    return trial.report(positions.asked.description, evidence, notes, time.monotonic() - started)


def _block(position: int) -> int:
    return position // _core.POSITIONS_BETWEEN_LOOKS


def _licensees(fps: FingerprintSet, ring: Ring) -> Licensees:
    found = keyring_of(fps) if ring is None else ring
    if not isinstance(found, Keyring) or found.closed:
        raise KeyringError("licensees stand in the keyring: trace while it is open, or name them")
    return Licensees.of(found, fps.name)


def _planned(fps: FingerprintSet, ledger: Ledger, most: int | None) -> list[int]:
    spent = ledger.spent()
    usable = [index for index in range(len(fps)) if index not in spent]
    if not usable:
        raise FingerprintError(
            f"all {len(fps)} keys of the set are spent: ask for the suspect's weights, and trace "
            "those"
        )
    return usable[:most]


class _Trial:
    """What was read so far, and whom that accuses."""

    def __init__(self, fps: FingerprintSet, licensees: Licensees, alpha: float) -> None:
        self._fps, self._names, self._alpha = fps, list(licensees.names), alpha
        self._coalition = licensees.coalition
        self._biases = fps.biases(licensees.coalition)
        self._codewords = fps.codewords(licensees.coalition, self._names)
        self.seen: dict[int, Seen] = {}
        self.looks = 1
        self.ranked: list[Candidate] = []

    @property
    def readings(self) -> dict[int, int | None]:
        """What was read of each position that was asked."""
        return {index: one.reading for index, one in self.seen.items()}

    def look(self, seen: dict[int, Seen]) -> bool:
        """Take in some positions; whether somebody is accused."""
        self.seen |= seen
        readings = self.readings
        read = [readings.get(index) for index in range(len(self._fps))]
        found = _core.accuse(read, self._biases, self._codewords, looks=self.looks, top=_SHOWN)
        self.ranked = [
            Candidate(self._names[index], score, log10_p, log10_p <= math.log10(self._alpha))
            for index, score, log10_p in found
        ]
        return any(one.accused for one in self.ranked)

    def report(
        self, target: dict[str, Any], evidence: str, notes: list[str], seconds: float
    ) -> Trace:
        """What that is, for people and programs."""
        if not self.ranked:
            self.look({})
        return Trace(
            ranked=self.ranked,
            alpha=self._alpha,
            licensees=len(self._names),
            coalition=self._coalition,
            readings=self.readings,
            exchanges=[_kept(index, one) for index, one in sorted(self.seen.items())],
            positions=len(self._fps),
            looks=self.looks,
            evidence=evidence,
            target=target,
            set_name=self._fps.name,
            seconds=seconds,
            notes=notes,
        )


def _kept(index: int, seen: Seen) -> dict[str, Any]:
    """What a trace keeps of a position, for evidence."""
    held = {"said": seen.said, "weights": seen.weights}
    return {"position": index, **{name: value for name, value in held.items() if value}}


class _Asking:
    """Positions asked in text, some at a time, until somebody is accused."""

    def __init__(
        self, positions: Positions, ledger: Ledger, trial: _Trial, max_new_tokens: int | None
    ) -> None:
        self._positions, self._ledger, self._trial = positions, ledger, trial
        self._asked = positions.asked
        self._options = {
            "max_new_tokens": max_new_tokens or self._asked.answer_tokens,
            "temperature": 0.0,
        }
        self.notes: list[str] = []

    def run(self, planned: Sequence[int]) -> None:
        """Ask until somebody is accused, or the positions are used up.

        Scores are looked at after whole blocks of positions, and every look that there could have
        been counts: `ifrs.check_accusation` counts the same.
        """
        try:
            self._asked.probe()
        except NeverAnswers as reason:
            self.notes.append(f"{str(reason)[0].upper()}{str(reason)[1:]}.")
            return
        batches = [list(block) for _, block in groupby(planned, _block)]
        first = _block(planned[0]) * _core.POSITIONS_BETWEEN_LOOKS
        self._trial.looks = _core.looks_at_positions(self._positions.count, first)
        for batch in batches:
            try:
                if self._trial.look(self._ask(batch)):
                    return
            except TargetError as error:
                if not any(reading is not None for reading in self._trial.readings.values()):
                    raise
                self.notes.append(f"Asking ended early: {error}.")
                return

    def _ask(self, batch: Sequence[int]) -> dict[int, Seen]:
        room = self._asked.affordable(batch, int(self._options["max_new_tokens"]))
        free = self._ledger.spend(batch[:room])
        if not free:
            return {}
        answers: dict[int, Answer] = {}
        self._asked.ask(free, on_answer=answers.__setitem__, **self._options)  # type: ignore[arg-type]
        return {
            index: self._positions.by_text(index, answers.get(place))
            for place, index in enumerate(free)
        }
