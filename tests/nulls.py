"""Verifications under H0: suspects that know nothing, and try everything.

Under H0 a true response is uniform and independent of the answer. The answers of each kind are
made once; ranks come from the real scorer over a whole small alphabet of responses, so that each
simulated rank has exactly the distribution that it has in a verification against that alphabet:
with a share q of responses scoring as high as the truth, 1 + Binomial(decoys, q).
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

import ifrs
import numpy as np
from ifrs import _core
from numpy.typing import NDArray

KEYS = 10
DECOYS = 4095
_ALPHABET = 4096  # responses in the small alphabet for text
_POOL = 48  # answers of one kind
_WORDS = len(_core.response_words())

Ranks = NDArray[np.int64]


def _pairs(count: int, random: np.random.Generator) -> list[str]:
    words = _core.response_words()
    chosen = [random.choice(_WORDS, 2, replace=False) for _ in range(count)]
    return [f"{words[first]} {words[second]}" for first, second in chosen]


def _text_answers(kind: str, random: np.random.Generator, alphabet: list[str]) -> list[str]:
    words = _core.response_words()
    if kind == "guessing":
        return _pairs(_POOL, random)
    if kind == "one favourite":
        return [alphabet[0]] * _POOL
    if kind == "skewed":
        weights = 1.0 / np.arange(1, _WORDS + 1)
        drawn = random.choice(_WORDS, (_POOL, 2), p=weights / weights.sum())
        return [f"{words[first]} {words[second]}" for first, second in drawn]
    if kind == "echoing":
        keys = _core.look_alikes("mixed", _POOL, 7)
        return [f"human: Please decrypt this message: {key} A hint" for key in keys]
    if kind == "listing words":
        # Long answers take long to score: few of them, used often.
        return [" ".join(random.permutation(words)) for _ in range(_POOL // 12)] * 12
    if kind == "listing responses":
        return [", ".join(random.choice(alphabet, 64, replace=False)) for _ in range(_POOL)]
    assert kind == "silent"
    return [""] * _POOL


def _word_scores(kind: str, random: np.random.Generator) -> NDArray[np.float32]:
    shape = (_POOL, 2, _WORDS)
    if kind == "uniform":
        scores = random.normal(-10, 2, shape)
    elif kind == "skewed":
        scores = np.broadcast_to(-np.log(np.arange(1, _WORDS + 1)), shape)
    elif kind == "peaked":
        scores = np.full(shape, -np.inf)
        scores[np.arange(_POOL), :, random.integers(_WORDS, size=_POOL)] = 0
    elif kind == "few levels":
        scores = random.integers(0, 4, shape)
    else:
        assert kind == "flat"
        scores = np.zeros(shape)
    return np.ascontiguousarray(scores, dtype=np.float32)


TEXT = (
    "guessing",
    "one favourite",
    "skewed",
    "echoing",
    "listing words",
    "listing responses",
    "silent",
)
LIKELIHOOD = ("uniform", "skewed", "peaked", "few levels", "flat")


def text_ranks(kind: str, trials: int, random: np.random.Generator) -> tuple[Ranks, list[int]]:
    """Ranks (trials, KEYS, 1) and their candidates."""
    alphabet = _pairs(_ALPHABET, random)
    answers = _text_answers(kind, random, alphabet)
    distinct, which = np.unique([_core.plain(answer) for answer in answers], return_inverse=True)
    scores = ifrs.score(distinct.tolist(), alphabet)
    # The share that scores as high, for every response: from the sorted scores.
    shares = [1 - np.searchsorted(np.sort(row), row, side="left") / _ALPHABET for row in scores]
    as_high = np.array(shares)[which]
    answered = random.integers(_POOL, size=(trials, KEYS))
    truth = random.integers(_ALPHABET, size=(trials, KEYS))
    ranks = 1 + random.binomial(DECOYS, as_high[answered, truth])
    return ranks[..., None], [DECOYS + 1]


def likelihood_ranks(
    kind: str, trials: int, random: np.random.Generator
) -> tuple[Ranks, list[int]]:
    """Ranks (trials, KEYS, 2) and their candidates."""
    scores = _word_scores(kind, random)
    # How many words score as high, for every word: what _core.rank_words counts one by one.
    as_high = np.empty(scores.shape, dtype=np.int64)
    for pool in range(_POOL):
        for place in range(2):
            row = scores[pool, place]
            as_high[pool, place] = _WORDS - np.searchsorted(np.sort(row), row, side="left")
    answered = random.integers(_POOL, size=(trials, KEYS))
    first = random.integers(_WORDS, size=(trials, KEYS))
    second = random.integers(_WORDS - 1, size=(trials, KEYS))
    second += second >= first
    excluded = scores[answered, 1, first] >= scores[answered, 1, second]
    ranks = np.stack(
        [as_high[answered, 0, first], as_high[answered, 1, second] - excluded], axis=-1
    )
    for trial in range(min(trials, 20)):
        words = (int(first[trial, 0]), int(second[trial, 0]))
        found = _core.rank_words(scores[answered[trial, 0]], words)
        assert [rank for rank, _, _ in found] == ranks[trial, 0].tolist()
    return ranks, [_WORDS, _WORDS - 1]


def pairs(ranks: Ranks, candidates: list[int]) -> list[tuple[int, int]]:
    """One verification's ranks (KEYS, tests), with their candidates."""
    return [pair for row in ranks.tolist() for pair in zip(row, candidates, strict=True)]


@dataclass
class Nulls:
    """Verifications under H0.

    Attributes:
        ranks: (trials, KEYS, tests), the best evidence first.
        candidates: Of each test.
        sequential: log10 p-values of the sequential test.
        e_values: Of the e-process after the last key.
    """

    ranks: Ranks
    candidates: list[int]
    sequential: NDArray[np.float64]
    e_values: NDArray[np.float64]

    def log10_p(self, place: int) -> float:
        """The exact p-value of one verification."""
        return _core.exact_log10(pairs(self.ranks[place], self.candidates))

    def hits(self, which: str, level: float) -> int:
        """How many p-values are at most `level`.

        The exact p-value never falls as evidence does, so a few of them tell where the level lies.
        """
        if which == "sequential":
            return int((self.sequential <= np.log10(level)).sum())
        places = range(len(self.ranks))
        return bisect.bisect_right(places, np.log10(level), key=self.log10_p)

    def rate(self, which: str, alpha: float) -> tuple[float, float, float]:
        """The false-match rate at alpha, and its 99.9 % Clopper-Pearson interval."""
        hits, trials = self.hits(which, alpha), len(self.ranks)
        return hits / trials, *_core.clopper_pearson(hits, trials, 0.999)


def simulate(
    draw: Callable[[str, int, np.random.Generator], tuple[Ranks, list[int]]],
    kind: str,
    trials: int,
    seed: int,
) -> Nulls:
    """Verify `trials` times a suspect of one kind, with ten keys each time."""
    random = np.random.default_rng(seed)
    ranks, candidates = draw(kind, trials, random)
    # What a rank pays, from Rust, once for each rank there is.
    steps = np.zeros((trials, KEYS))
    for place, most in enumerate(candidates):
        pays = [_core.e_process_log10([[(rank, most)]])[0] for rank in range(1, most + 1)]
        steps += np.array(pays)[ranks[..., place] - 1]
    process = steps.cumsum(axis=1)
    best_first = np.argsort(-process[:, -1], kind="stable")
    # Whoever stops at the best moment, and could only stop once the e-value is above 1.
    sequential = -np.maximum(process.max(axis=1), 0.0)
    return Nulls(ranks[best_first], candidates, sequential, 10 ** process[:, -1])
