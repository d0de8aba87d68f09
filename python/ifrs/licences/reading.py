"""What each position of a suspect reads: the first response, the second, or nothing certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.suspect import Answer
from ifrs.prove.asking import Asked

# Of an answer in text: the evidence that a response is in it, among so many decoys.
_DECOYS = 4095

# 0 for the first response, 1 for the second, None for neither or both.
Reading = int | None


@dataclass(frozen=True)
class Seen:
    """What was seen of one position.

    Attributes:
        reading: What that reads.
        said: How it was asked in text, and the answer; None where there is none.
        weights: `nats` of both responses, and the `evidence` of their ranks; None in text.
    """

    reading: Reading
    said: dict[str, Any] | None = None
    weights: dict[str, list[float]] | None = None


class Positions:
    """The positions of a set, as a suspect is asked about them."""

    def __init__(self, target: object, fps: FingerprintSet) -> None:
        """Take a suspect.

        Raises:
            TargetError: It is of another kind than the set's keys are for.
            ValueError: The set's responses are no words.
        """
        self.parts = fps, fps.second()
        self.asked = Asked(target, fps)
        self._other = Asked(target, self.parts[1])

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.parts[0])

    def by_likelihood(self, indices: Sequence[int]) -> list[Seen]:
        """What the weights say, in one pass for each variant."""
        pairs = zip((self.asked, self._other), self.parts, strict=True)
        (nats, evidence), (other_nats, other_evidence) = (
            _likelihoods(one, part, indices) for one, part in pairs
        )
        rows = zip(nats, other_nats, evidence, other_evidence, strict=True)
        return [_of_weights([float(number) for number in row]) for row in rows]

    def by_text(self, index: int, answer: Answer | None) -> Seen:
        """What an answer says; nothing where there is none."""
        if answer is None or answer.error is not None:
            return Seen(None)
        said = {"asked": answer.asked, "answer": answer.text}
        return Seen(None if answer.cut_off else self._reading(index, answer.text), said)

    def _reading(self, index: int, text: str) -> Reading:
        fired = [part.fired(index, text) for part in self.parts]
        if fired[0] != fired[1]:
            return int(fired[1])
        first, second = (_rank_evidence(part, index, text) for part in self.parts)
        return _core.read_position((first, second), (first, second), of_weights=False)


def _of_weights(row: Sequence[float]) -> Seen:
    nats, evidence = (row[0], row[1]), (row[2], row[3])
    reading = _core.read_position(nats, evidence, of_weights=True)
    return Seen(reading, weights={"nats": [*nats], "evidence": [*evidence]})


def _likelihoods(
    asked: Asked, fps: FingerprintSet, indices: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nats of each response, and the evidence of its ranks, each (keys,)."""
    found = asked.likelihoods(indices)
    nats, evidence = np.zeros(len(indices)), np.zeros(len(indices))
    for row, index in enumerate(indices):
        places = fps[index].places or ()
        scores = list(found.scores[row])
        nats[row] = sum(float(of[place]) for of, place in zip(scores, places, strict=True))
        ranks = fps.rank_scores(index, scores)
        evidence[row] = -sum(np.log10(rank / of) for rank, of, _ in ranks)
    return nats, evidence


def _rank_evidence(fps: FingerprintSet, index: int, text: str) -> float:
    ranks = fps.rank_answer(index, text, b"licence", _DECOYS)
    return float(-sum(np.log10(rank / of) for rank, of, _ in ranks))
