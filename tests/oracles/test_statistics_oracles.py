"""Ranks, p-values and intervals equal scipy's, and hold under H0."""

from __future__ import annotations

import random

import numpy as np
import pytest
from ifrs import _core
from scipy import stats


@pytest.mark.parametrize("k", [1, 2, 20, 300])
def test_fisher(k):
    rng = random.Random(k)
    p_values = [rng.uniform(1e-3, 1) for _ in range(k)]
    expected = stats.combine_pvalues(p_values, method="fisher").pvalue
    assert 10 ** _core.fisher_log10(p_values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 200), (1, 7), (5, 10), (10, 10), (999, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_clopper_pearson(k, n, level):
    expected = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert _core.clopper_pearson(k, n, level) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("answerer", ["uniform", "skewed", "constant", "tied"])
def test_false_matches_stay_below_alpha(answerer):
    """5,000 verifications of independent suspects: p-values are uniform or larger."""
    rng = np.random.default_rng(7)
    words, keys = 64, 4
    p_values = []
    for _ in range(5000):
        found = []
        for _ in range(keys):
            scores = rng.normal(size=(2, words)).astype(np.float32)
            if answerer == "skewed":
                scores[:, :3] += 50
            elif answerer == "constant":
                scores[:] = np.arange(words)
            elif answerer == "tied":
                scores = np.round(scores)
            first, second = rng.choice(words, size=2, replace=False)
            rows = _core.rank_words(scores, (int(first), int(second)))
            found += [p for _, _, p in rows]
        p_values.append(10 ** _core.fisher_log10(found))
    for alpha in (0.5, 0.1, 0.01):
        hits = sum(p <= alpha for p in p_values)
        assert stats.binomtest(hits, len(p_values), alpha, alternative="greater").pvalue > 1e-4
