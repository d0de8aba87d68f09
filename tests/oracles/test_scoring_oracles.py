"""Scores equal those of edlib (HW) and rapidfuzz (ratio), on every vector unit of this machine."""

from __future__ import annotations

import random

import edlib
import ifrs
import numpy as np
import pytest
from ifrs import _core
from rapidfuzz import process
from rapidfuzz.distance import Indel

PATHS = _core.scoring_paths()
ALPHABETS = {
    "ascii": "abcd ",
    "binary": "ab",
    "cjk": "東京大阪愛a",
    "marks": "e\u0301\u0308é ë",
    "emoji": "👩🏽\u200d🚀🦀👩",
    # Of every plane that has characters, and the ends of the ranges around the surrogates.
    "planes": "a\u0301é\ud7ff\ue000\uffff😀🦔\U0002f800\U00030000\U000e0100\U0010ffff",
}
EDGES = (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)


def text(alphabet: str, length: int, rng: random.Random) -> str:
    return "".join(rng.choices(alphabet, k=length))


def edited(pattern: str, edits: int, alphabet: str, rng: random.Random) -> str:
    copy = list(pattern)
    for _ in range(edits):
        place, letter = rng.randrange(len(copy) + 1), rng.choice(alphabet)
        kind = rng.randrange(3)
        if kind == 0:
            copy.insert(place, letter)
        elif place < len(copy):
            copy[place : place + 1] = [letter] if kind == 1 else []
    return "".join(copy)


def pairs(alphabet: str, count: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts and patterns, unrelated or a few edits apart, of lengths around the registers'."""
    rng = random.Random(seed)
    texts, patterns = [], []
    for _ in range(count):
        pattern = text(alphabet, rng.choice(EDGES), rng)
        kind = rng.randrange(4)
        if kind == 0:
            around = text(alphabet, rng.choice((0, *EDGES)), rng)
        else:
            copy = edited(pattern, rng.randrange(1 + len(pattern) // 3), alphabet, rng)
            before, behind = (text(alphabet, rng.choice((0, 0, *EDGES)), rng) for _ in range(2))
            around = before + copy + behind if kind == 1 else copy + behind
        texts.append(around)
        patterns.append(pattern)
    return texts, patterns


def distances(texts: list[str], patterns: list[str]) -> np.ndarray:
    """Of edlib; it takes 256 distinct characters at most, and no empty text."""
    return np.array(
        [
            edlib.align(pattern, text, mode="HW", task="distance")["editDistance"]
            if text
            else len(pattern)
            for text, pattern in zip(texts, patterns, strict=True)
        ]
    )


def expected_partial(texts: list[str], patterns: list[str]) -> np.ndarray:
    lengths = np.array([len(pattern) for pattern in patterns], dtype=np.float64)
    return ((lengths - distances(texts, patterns)) / lengths).astype(np.float32)


def expected_ratio(texts: list[str], patterns: list[str]) -> np.ndarray:
    totals = np.array([len(t) + len(p) for t, p in zip(texts, patterns, strict=True)])
    indels = process.cpdist(texts, patterns, scorer=Indel.distance, dtype=np.int32)
    return ((totals - indels) / totals.astype(np.float64)).astype(np.float32)


# 6 alphabets x 34,000: 204,000 pairs on the fastest path, and a part of them on every other.
@pytest.mark.parametrize("name", ALPHABETS)
def test_pairs_are_those_of_edlib_and_rapidfuzz(name, monkeypatch):
    texts, patterns = pairs(ALPHABETS[name], 34_000, seed=len(name))
    partial, ratio = expected_partial(texts, patterns), expected_ratio(texts, patterns)
    np.testing.assert_array_equal(ifrs.score_pairs(texts, patterns), partial)
    np.testing.assert_array_equal(ifrs.score_pairs(texts, patterns, method="ratio"), ratio)
    for path in PATHS:
        monkeypatch.setenv("IFRS_SCORING_PATH", path)
        some = slice(0, 4_000)
        for cutoff in (0.0, 0.5, 0.8):
            for method, whole in (("partial", partial), ("ratio", ratio)):
                scores = ifrs.score_pairs(texts[some], patterns[some], method=method, cutoff=cutoff)
                kept = np.where(whole[some] < np.float32(cutoff), np.float32(0), whole[some])
                np.testing.assert_array_equal(scores, kept, err_msg=f"{path} {method} {cutoff}")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ALPHABETS)
def test_matrices_are_those_of_edlib(name, path, monkeypatch):
    """Filters, the index and the kernel: few and many patterns, with and without a cutoff."""
    monkeypatch.setenv("IFRS_SCORING_PATH", path)
    alphabet = ALPHABETS[name] + "fghijklmnopqrstuvwxyz"
    rng = random.Random(5)
    patterns = [text(alphabet, rng.choice((5, 8, 12, 20, 60, 70)), rng) for _ in range(24)]
    texts = [text(alphabet, rng.randrange(60, 300), rng) for _ in range(400)]
    for i in range(0, 400, 3):
        pattern = rng.choice(patterns)
        copy = edited(pattern, rng.randrange(1 + len(pattern) // 4), alphabet, rng)
        place = rng.randrange(len(texts[i]))
        texts[i] = texts[i][:place] + copy + texts[i][place:]
    whole = np.stack(
        [expected_partial(texts, [pattern] * len(texts)) for pattern in patterns], axis=1
    )
    for cutoff in (0.0, 0.6, 0.8, 1.0):
        kept = np.where(whole < np.float32(cutoff), np.float32(0), whole)
        many = ifrs.score(texts, patterns, cutoff=cutoff)
        np.testing.assert_array_equal(many, kept)
        for column in range(0, 24, 5):
            one = ifrs.score(texts, patterns[column : column + 1], cutoff=cutoff, workers=1)
            np.testing.assert_array_equal(one[:, 0], kept[:, column])
        found, which, scores = ifrs.top_hits(texts, patterns, cutoff=cutoff)
        rows, columns = np.nonzero(kept)
        np.testing.assert_array_equal((found, which), (rows, columns))
        np.testing.assert_array_equal(scores, kept[rows, columns])
        best, top = ifrs.best_match(texts, patterns, cutoff=cutoff)
        np.testing.assert_array_equal(top, kept.max(axis=1))
        np.testing.assert_array_equal(best, np.where(top > 0, kept.argmax(axis=1), -1))


@pytest.mark.parametrize("path", PATHS)
def test_adversarial_texts(path, monkeypatch):
    """Texts full of pieces, and patterns of one character over and over."""
    monkeypatch.setenv("IFRS_SCORING_PATH", path)
    patterns = ["a" * 20, "ab" * 10, "a" * 64 + "b", "abc" * 43, "a" * 19 + "é", "東" * 30, "aab"]
    texts = ["a" * n for n in (0, 1, 19, 20, 64, 65, 400)] * 40
    texts += ["ab" * 150, "ba" * 40 + "aab" * 40, "é" * 100, "東" * 29, "b" * 500] * 40
    whole = np.stack([expected_partial(texts, [p] * len(texts)) for p in patterns], axis=1)
    for cutoff in (0.0, 0.8, 0.95):
        kept = np.where(whole < np.float32(cutoff), np.float32(0), whole)
        np.testing.assert_array_equal(ifrs.score(texts, patterns, cutoff=cutoff), kept)
        for column, pattern in enumerate(patterns):
            one = ifrs.score(texts, [pattern], cutoff=cutoff)[:, 0]
            np.testing.assert_array_equal(one, kept[:, column])


@pytest.mark.parametrize("path", PATHS)
def test_patterns_of_more_characters_than_a_byte_tells_apart(path, monkeypatch):
    monkeypatch.setenv("IFRS_SCORING_PATH", path)
    pattern = "".join(chr(0x4E00 + i) for i in range(300))
    texts = [pattern, pattern[:150], "x" + pattern[7:], "", "🚀🦀" * 200, pattern[::-1]]
    # edlib gives up above 256 distinct characters: known distances instead.
    known = np.array([0, 150, 7, 300, 300, 299])
    expected = ((300 - known) / 300).astype(np.float32)
    np.testing.assert_array_equal(ifrs.score(texts, [pattern])[:, 0], expected)
    np.testing.assert_array_equal(ifrs.score_pairs(texts, [pattern] * 6), expected)
    ratio = ifrs.score(texts, [pattern, "🦀"], method="ratio")[:, 0]
    np.testing.assert_array_equal(ratio, expected_ratio(texts, [pattern] * 6))
