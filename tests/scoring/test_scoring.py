"""The contract of `score` and `score_pairs` in Python."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest


def test_methods_on_known_cases():
    texts = ["the copper window", "COPPER", ""]
    patterns = ["copper window", "cooper"]
    exact = ifrs.score(texts, patterns, method="exact")
    assert exact.dtype == np.float32
    assert exact.tolist() == [[1, 0], [0, 0], [0, 0]]
    partial = ifrs.score(texts, patterns)
    assert partial.shape == (3, 2)
    assert partial[0] == pytest.approx([1, 5 / 6])
    assert partial[2].tolist() == [0, 0]
    assert ifrs.score(["abc"], ["abd"], method="ratio")[0, 0] == pytest.approx(2 / 3)


def test_pairs_are_the_diagonal():
    texts, patterns = ["kitten sitting", "東京タワー", "🦔🦔"], ["sitting", "京タ", "🦔"]
    for method in ("exact", "partial", "ratio"):
        whole = ifrs.score(texts, patterns, method=method)
        pairs = ifrs.score_pairs(texts, patterns, method=method)
        assert pairs.tolist() == whole.diagonal().tolist()


def test_cutoff_and_nulls():
    assert ifrs.score(["abcd"], ["abxd"], cutoff=0.75)[0, 0] == 0.75
    assert ifrs.score(["abcd"], ["abxd"], cutoff=0.76)[0, 0] == 0
    assert ifrs.score([None, "a"], ["a"]).tolist() == [[0], [1]]


def test_workers_agree():
    texts = [f"text number {i} of many" for i in range(5000)]
    scores = [ifrs.score(texts, ["number 77"], workers=workers) for workers in (0, 1, 2)]
    assert (scores[0] == scores[1]).all()
    assert (scores[0] == scores[2]).all()


def test_no_texts():
    assert ifrs.score([], ["a"]).shape == (0, 1)
    assert ifrs.score_pairs([], []).shape == (0,)


@pytest.mark.parametrize(
    ("texts", "patterns", "options", "error"),
    [
        (["a"], [""], {}, ValueError),
        ("text", ["a"], {}, TypeError),
        (["a"], "pattern", {}, TypeError),
        (["a", 1], ["a"], {}, TypeError),
        (["a"], [None], {}, TypeError),
        (["a"], ["a"], {"method": "poem"}, ValueError),
        (["a"], ["a"], {"cutoff": 1.5}, ValueError),
        (["a"], ["a"], {"cutoff": float("nan")}, ValueError),
        (7, ["a"], {}, TypeError),
    ],
)
def test_wrong_input(texts, patterns, options, error):
    with pytest.raises(error):
        ifrs.score(texts, patterns, **options)


def test_pairs_of_unequal_length():
    with pytest.raises(ValueError, match="2 texts"):
        ifrs.score_pairs(["a", "b"], ["a"])


def test_the_row_is_named():
    with pytest.raises(TypeError, match=r"texts\[1\]"):
        ifrs.score(["a", b"b"], ["a"])


def test_lone_surrogates_are_an_error():
    with pytest.raises(UnicodeEncodeError):
        ifrs.score(["\ud800"], ["a"])
