"""The exact combination equals enumeration in fractions, numpy's convolution, and simulation."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ifrs import _core
from scipy import stats

WORDS = (2048, 2047)


def exact_bet(rank: int, size: int) -> Fraction:
    harmonic = sum(Fraction(1, k) for k in range(1, size + 1))
    first = Fraction(6, 10) * size if rank == 1 else Fraction(0)
    return Fraction(1, 10) + first + Fraction(3, 10) * size / (rank * harmonic)


def bets(size: int) -> np.ndarray:
    rank = np.arange(1, size + 1)
    return np.log(0.1 + 0.6 * size * (rank == 1) + 0.3 * size / (rank * (1 / rank).sum()))


def draw(rng, sizes, keys, share):
    """Ranks of keys of which a share fires; the others are at random."""
    fires = [rng.random() < share for _ in range(keys)]
    return [(1 if fired else rng.randint(1, size), size) for fired in fires for size in sizes]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_enumeration_in_fractions(sizes, rng):
    ranks = [(rng.randint(1, size), size) for size in sizes]
    tables = [[exact_bet(rank, size) for rank in range(1, size + 1)] for size in sizes]
    observed = math.prod(exact_bet(*rank) for rank in ranks)
    outcomes = [math.prod(outcome) for outcome in itertools.product(*tables)]
    expected = sum(outcome >= observed for outcome in outcomes) / len(outcomes)
    found = _core.exact_log10(ranks)
    assert found >= math.log10(expected) - 1e-15
    assert 10**found == pytest.approx(expected, rel=1e-9)


def losses(size):
    """What each rank loses against the first."""
    return bets(size)[0] - bets(size)


def lost(ranks):
    tables = {size: losses(size) for _, size in ranks}
    return math.fsum(float(tables[size][rank - 1]) for rank, size in ranks)


def cumulants(counts, tilt):
    """Logarithm of the generating function of the loss, its mean and variance, under a tilt."""
    log = mean = variance = 0.0
    for size, count in counts.items():
        loss = losses(size)
        weights = np.exp(-tilt * loss)
        share = weights / weights.sum()
        one = float(share @ loss)
        log += count * math.log(weights.sum() / size)
        mean += count * one
        variance += count * float(share @ (loss - one) ** 2)
    return log, mean, variance


def tilt_of(counts, loss):
    low, high = 0.0, 30.0
    for _ in range(60):
        tilt = (low + high) / 2
        low, high = (tilt, high) if cumulants(counts, tilt)[1] > loss else (low, tilt)
    return tilt


def tilted_lattice(ranks, rounded, cells=1 << 20):
    """log10 of the tail when every loss is rounded on a lattice, tilted so that it shows."""
    counts = Counter(size for _, size in ranks)
    most = lost(ranks) + 1e-9
    tilt = tilt_of(counts, most)
    step = (14 * math.sqrt(cumulants(counts, tilt)[2]) + 40) / cells
    transform, log = 1.0, tilt * most
    for size, count in counts.items():
        places = rounded(losses(size) / step).astype(int)
        weights = np.exp(-tilt * places * step)
        log += count * math.log(weights.sum() / size)
        masses = np.bincount(places % cells, weights / weights.sum(), cells)
        transform = transform * np.fft.rfft(masses) ** count
    masses = np.fft.irfft(transform, cells)
    up_to_here = math.floor(most / step) - np.arange(cells // 2)
    below = most - up_to_here * step
    return (log + math.log(masses[up_to_here % cells] @ np.exp(-tilt * below))) / math.log(10)


@pytest.mark.parametrize("sizes", [WORDS, (4096,), (2, 3, 1000), (65536,)])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8])
def test_between_lattices_rounded_down_and_up(sizes, share):
    """The true tail lies between; ours is no less than the lower, and close to the upper."""
    rng = random.Random(f"{sizes} {share}")
    for keys in (4, 10, 25):
        ranks = draw(rng, sizes, keys, share)
        if all(rank == 1 for rank, _ in ranks):
            continue
        found = _core.exact_log10(ranks)
        assert found >= tilted_lattice(ranks, np.ceil) - 1e-7
        assert found <= tilted_lattice(ranks, np.floor) + 0.0065  # 1.5 %


@pytest.mark.parametrize(
    ("sizes", "keys", "share"),
    [(WORDS, 10, 0.1), ((4096,), 6, 0.0), ((2, 3, 10), 20, 0.3), ((10,), 30, 0.15)],
)
def test_simulation(sizes, keys, share):
    rng = random.Random(3)
    ranks = draw(rng, sizes, keys, share)
    observed = math.fsum(float(bets(size)[rank - 1]) for rank, size in ranks)
    generator = np.random.default_rng(5)
    tries = 400_000
    total = np.zeros(tries)
    for size in sizes:
        table = bets(size)
        for _ in range(keys):
            total += table[generator.integers(size, size=tries)]
    hits = int((total >= observed - 1e-9).sum())
    low, high = stats.binomtest(hits, tries).proportion_ci(0.9999, method="exact")
    assert low <= 10 ** _core.exact_log10(ranks) <= high * 1.012


def saddlepoint(ranks):
    """log10 of the tail by Lugannani and Rice: for many factors within their inverse number."""
    counts = Counter(size for _, size in ranks)
    loss = lost(ranks)
    tilt = tilt_of(counts, loss)
    log, _, variance = cumulants(counts, tilt)
    exponent = log + tilt * loss
    w = math.sqrt(-2 * exponent)
    # The normal tail's ratio to its density, for large w.
    mills = 1 / w - 1 / w**3 + 3 / w**5
    tail = mills + 1 / (tilt * math.sqrt(variance)) - 1 / w
    return (exponent + math.log(tail / math.sqrt(2 * math.pi))) / math.log(10)


@pytest.mark.parametrize("keys", [1_000, 20_000, 100_000])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_large_sets(keys, share):
    ranks = draw(random.Random(keys), WORDS, keys, share)
    found, expected = _core.exact_log10(ranks), saddlepoint(ranks)
    assert -0.001 <= found - expected <= 0.0065


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_records_of_a_thousand_queries(share):
    rng = random.Random(11)
    groups = [draw(rng, WORDS, 1, share) for _ in range(1_000)]
    found = _core.exact_cumulative_log10(groups)
    for n in (1, 2, 10, 63, 64, 65, 300, 1000):
        exact = _core.exact_log10([rank for group in groups[:n] for rank in group])
        if n <= 64 or n == 1000:
            assert found[n - 1] == exact
        else:
            assert exact - 0.006 <= found[n - 1] <= exact + 0.12


@pytest.mark.parametrize("sizes", [(8, 8, 8), (2,) * 9, (3, 4, 5, 6)])
def test_false_positives_at_every_level(sizes):
    outcomes = itertools.product(*(range(1, size + 1) for size in sizes))
    found = sorted(
        10 ** _core.exact_log10(list(zip(ranks, sizes, strict=True))) for ranks in outcomes
    )
    for level in set(found):
        assert sum(p <= level for p in found) / len(found) <= level * (1 + 1e-12)


def test_figures():
    assert _core.exact_log10([(1, size) for size in WORDS] * 10) == pytest.approx(-66.2, abs=0.05)
    assert _core.exact_log10([(1, 4096)] * 10) == pytest.approx(-36.1, abs=0.05)
    assert _core.exact_log10([(1, 2)] * 40) == pytest.approx(-40 * math.log10(2), rel=1e-12)
    assert _core.exact_log10([]) == 0
    assert _core.exact_log10([(3, 10)]) == math.log10(0.3)


def test_three_of_ten_in_text_convict():
    rng = random.Random(2)
    draws = [[(1, 4096)] * 3 + [(rng.randint(1, 4096), 4096) for _ in range(7)] for _ in range(100)]
    assert sum(_core.exact_log10(ranks) <= -6 for ranks in draws) >= 95


@pytest.mark.parametrize(
    ("rank", "message"),
    [((0, 5), "rank 0 among 5"), ((6, 5), "rank 6 among 5"), ((1, 0), "no cand")],
)
def test_what_is_no_rank_is_refused(rank, message):
    with pytest.raises(ValueError, match=message):
        _core.exact_log10([(1, 2), rank])
    with pytest.raises(ValueError, match=message):
        _core.exact_cumulative_log10([[(1, 2)], [rank]])


def test_the_smallest_n():
    shares = (1.0, 0.9, 0.75, 0.5, 0.3)
    for best, expected in (
        ([1 / 2048, 1 / 2047], [1, 1, 3, 5, 9]),
        ([1 / 4096], [2, 2, 3, 5, 14]),
    ):
        assert [_core.smallest_n(best, 1e-6, share) for share in shares] == expected
