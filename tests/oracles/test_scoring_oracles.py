"""Scores equal those of edlib and rapidfuzz."""

from __future__ import annotations

import random

import edlib
import ifrs
import numpy as np
import pytest
from rapidfuzz import fuzz, process

ALPHABETS = {
    "ascii": "abcd ",
    "cjk": "東京大阪愛a",
    "planes": "a\u0301é😀🦔\U0002f800\uffff",
}


def strings(alphabet: str, n: int, longest: int, rng: random.Random) -> list[str]:
    return ["".join(rng.choices(alphabet, k=rng.randint(1, longest))) for _ in range(n)]


@pytest.mark.parametrize("name", ALPHABETS)
@pytest.mark.parametrize("longest", [8, 70, 140])
def test_partial_is_edlib_hw(name, longest):
    rng = random.Random(longest)
    texts = strings(ALPHABETS[name], 60, 2 * longest, rng)
    patterns = strings(ALPHABETS[name], 30, longest, rng)
    ours = ifrs.score(texts, patterns)
    for i, text in enumerate(texts):
        for j, pattern in enumerate(patterns):
            distance = edlib.align(pattern, text, mode="HW")["editDistance"]
            expected = np.float32(max(0.0, 1 - distance / len(pattern)))
            assert ours[i, j] == expected, (text, pattern)


@pytest.mark.parametrize("name", ALPHABETS)
def test_ratio_is_rapidfuzz(name):
    rng = random.Random(1)
    texts, patterns = (strings(ALPHABETS[name], 80, 150, rng) for _ in range(2))
    theirs = process.cdist(texts, patterns, scorer=fuzz.ratio, dtype=np.float64) / 100
    np.testing.assert_allclose(ifrs.score(texts, patterns, method="ratio"), theirs, atol=1e-6)
