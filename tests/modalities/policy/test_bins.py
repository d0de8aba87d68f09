"""Continuous actions as bins: labels and scores agree, and the middles are the surest."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from ifrs.modalities.policy.bins import Bins  # noqa: E402


@given(st.floats(-9, 9, width=32), st.integers(2, 30))
def test_the_best_score_is_the_bin_of_an_action(action, count):
    bins = Bins(count, [-2.0], [3.0])
    share = (action + 2) / 5 * count
    if 0 < share < count and abs(share - round(share)) < 1e-3:
        return  # at an edge both neighbours are right
    scores = bins.scores(torch.tensor([[action]]))
    assert scores.shape == (1, 1, count)
    assert int(scores.argmax()) == bins.places([[action]])[0, 0]


def test_a_middle_leads_by_more_than_planting_wants_and_an_edge_by_nothing():
    bins = Bins(4, [0.0], [4.0])
    best = bins.scores(torch.tensor([[1.5], [2.0]])).topk(2, dim=-1).values[:, 0]
    leads = (best[:, 0] - best[:, 1]).tolist()
    assert leads[0] > 3
    assert leads[1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("bounds", [(1, 0), (0, np.inf), ([0, 0], [1, 0])])
def test_bounds_must_be_bounds(bounds):
    with pytest.raises(ValueError, match="finite bounds"):
        Bins(3, *bounds)
