"""Suspects that give hard labels alone: how many keys prove descent, over many draws of sets.

A key whose label is seen proves a factor of one in as many as there are labels, at most. So a match
at α = 1e-6 takes the least n with labels ** n at or above a million, if all keys fire.
"""

from __future__ import annotations

import ifrs
import numpy as np
import pytest

DRAWS = 200
SOURCES = {
    2: {"source": "observation", "low": -1.0, "high": 1.0, "shape": (8,), "actions": 2,
        "response": "actions"},
    10: {"source": "image", "shape": (8, 8, 1), "classes": 10, "response": "classes"},
    1000: {"source": "image", "shape": (8, 8, 1), "classes": 1000, "response": "classes"},
}  # fmt: skip
NEEDED = {2: 20, 10: 6, 1000: 2}


class Labels:
    """A suspect that answers the keys of a set with given labels."""

    spends_keys = False

    def __init__(self, labels):
        self._labels = labels

    def describe(self):
        return {"kind": "local", "name": "labels"}

    def labels(self, keys):
        return np.array(self._labels[: len(keys)])


@pytest.fixture(scope="module", params=sorted(SOURCES))
def drawn(request, tmp_path_factory):
    """The number of labels, and many sets of as many keys as a match takes."""
    path, sizes = tmp_path_factory.mktemp("labels") / "k.ifrs", request.param
    with ifrs.Keyring.create(path, passphrase="x", _work_factor=2) as ring:
        yield sizes, [ring.generate(f"{i}", NEEDED[sizes], **SOURCES[sizes]) for i in range(DRAWS)]


def responses(fps):
    return [fps[i].places[0] for i in range(len(fps))]


def verdicts(sets, labels, **options):
    found = [ifrs.verify(Labels(labels(fps)), fps, **options) for fps in sets]
    return [report.verdict for report in found], [report.log10_p for report in found]


def test_as_many_keys_as_it_takes_match_where_all_fire(drawn):
    size, sets = drawn
    found, log10_p = verdicts(sets, responses)
    assert found == ["match"] * DRAWS
    assert log10_p == pytest.approx([-NEEDED[size] * np.log10(size)] * DRAWS)


def test_one_key_fewer_does_not(drawn):
    size, sets = drawn
    found, log10_p = verdicts(sets, responses, max_queries=NEEDED[size] - 1)
    assert found == ["inconclusive"] * DRAWS
    assert min(log10_p) > -6


def test_one_key_that_does_not_fire_takes_more_of_them(drawn):
    size, sets = drawn

    def but_one(fps):
        first, *rest = responses(fps)
        return [(first + 1) % size, *rest]

    found, _ = verdicts(sets, but_one)
    assert "match" not in found


def test_labels_that_know_nothing_never_match(drawn):
    size, sets = drawn
    rng = np.random.default_rng(0)
    for labels in (
        lambda fps: [0] * len(fps),
        lambda fps: rng.integers(size, size=len(fps)).tolist(),
    ):
        found, log10_p = verdicts(sets, labels)
        assert "match" not in found
        # The share of draws at or below 0.1 is at most that, but for chance.
        assert np.mean(np.array(log10_p) <= -1) <= 0.1 + 4 * np.sqrt(0.09 / DRAWS)
