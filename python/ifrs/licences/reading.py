"""What each position of a suspect reads: the first response, the second, or nothing certain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ifrs._core import FingerprintSet
from ifrs.modalities.suspect import Answer
from ifrs.prove.asking import Asked

# Nats by which one response must be likelier than the other, both words together; and the evidence,
# as -log10 of the ranks among all words, that it was planted at all. An unmarked model passes at
# some 1 position in 100, and what it reads there is noise, which accuses nobody.
_WEIGHTS = 2.0, 3.0
# Of an answer in text: the evidence that a response is in it, among so many decoys.
_DECOYS, _TEXT = 4095, (1.0, 3.0)

# 0 for the first response, 1 for the second, None for neither or both.
Reading = int | None


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

    def by_likelihood(self, indices: Sequence[int]) -> list[Reading]:
        """What the weights say, in one pass for each variant."""
        pairs = zip((self.asked, self._other), self.parts, strict=True)
        (nats, evidence), (other_nats, other_evidence) = (
            _likelihoods(one, part, indices) for one, part in pairs
        )
        return [
            _decide((nats[row], other_nats[row]), (evidence[row], other_evidence[row]), *_WEIGHTS)
            for row in range(len(indices))
        ]

    def by_text(self, index: int, answer: Answer | None) -> Reading:
        """What an answer says; nothing where there is none."""
        if answer is None or answer.error is not None or answer.cut_off:
            return None
        fired = [part.fired(index, answer.text) for part in self.parts]
        if fired[0] != fired[1]:
            return int(fired[1])
        held = [_rank_evidence(part, index, answer.text) for part in self.parts]
        return _decide(held, held, *_TEXT)


def _decide(
    size: Sequence[float], evidence: Sequence[float], apart: float, enough: float
) -> Reading:
    winner = int(size[1] > size[0])
    certain = size[winner] - size[1 - winner] >= apart and evidence[winner] >= enough
    return winner if certain else None


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
