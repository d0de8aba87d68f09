"""No suspect that knows nothing matches more often than it may."""

from __future__ import annotations

import os

import numpy as np
import pytest
from ifrs import _core
from nulls import LIKELIHOOD, TEXT, likelihood_ranks, pairs, simulate, text_ranks

KINDS = [(text_ranks, kind) for kind in TEXT] + [(likelihood_ranks, kind) for kind in LIKELIHOOD]
NAMES = [f"{draw.__name__.removesuffix('_ranks')}, {kind}" for draw, kind in KINDS]


def hold(draw, kind, trials, seed) -> str:
    """Simulates one kind, and says what came out."""
    nulls = simulate(draw, kind, trials, seed)
    row = []
    for which in ("fixed", "sequential"):
        for alpha in (0.01, 0.001):
            rate, low, _ = nulls.rate(which, alpha)
            # Never above: the rate's interval reaches down to alpha.
            assert low <= alpha, (kind, which, alpha, rate)
            row.append(f"{rate:.5f}")
        for level in (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
            low, _ = _core.clopper_pearson(nulls.hits(which, level), trials, 0.9999)
            assert low <= level, (kind, which, level)
    mean = nulls.e_values.mean()
    error = nulls.e_values.std() / np.sqrt(trials)
    assert mean - 4 * error <= 1
    return " | ".join(row)


@pytest.mark.parametrize(("draw", "kind"), KINDS, ids=NAMES)
def test_false_matches_stay_below_alpha(draw, kind):
    hold(draw, kind, 3000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "kind"), KINDS, ids=NAMES)
def test_false_matches_in_two_hundred_thousand(draw, kind):
    trials = int(os.environ.get("IFRS_NULL_TRIALS", "200000"))
    row = hold(draw, kind, trials, seed=2)
    print(f"\n| {draw.__name__.removesuffix('_ranks')}: {kind} | {row} |")


@pytest.mark.parametrize(("draw", "kind"), KINDS, ids=NAMES)
def test_few_p_values_tell_how_many_lie_below_a_level(draw, kind):
    """What the harness counts is what all p-values say."""
    nulls = simulate(draw, kind, 100, seed=4)
    values = np.array([nulls.log10_p(place) for place in range(100)])
    for level in (0.01, 0.1, 0.5, 0.9):
        assert nulls.hits("fixed", level) == int((values <= np.log10(level)).sum())


def test_the_harness_would_notice():
    """With ties counted for the truth instead of against it, flat suspects would match."""

    def broken(kind, trials, random):
        ranks, candidates = likelihood_ranks(kind, trials, random)
        return np.where(ranks == candidates, 1, ranks), candidates

    with pytest.raises(AssertionError):
        hold(broken, "flat", 1000, seed=1)


def test_stopping_early_needs_the_e_process():
    """The exact tail, looked at after every key, is not valid; the e-process is."""
    random = np.random.default_rng(3)
    ranks, candidates = likelihood_ranks("uniform", 1500, random)
    groups = [[pairs(row[None], candidates) for row in trial] for trial in ranks]
    looked = [min(_core.exact_cumulative_log10(group)) <= -2 for group in groups]
    low, _ = _core.clopper_pearson(sum(looked), len(looked), 0.999)
    assert low > 0.01
