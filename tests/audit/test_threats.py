"""What others do to a model names its source, and what it takes."""

from __future__ import annotations

import pytest
from ifrs.audit.threats import threat_of


@pytest.mark.parametrize(
    ("case", "needs"),
    [
        ("merge-linear-0.5", "another tune"),
        ("merge-ties", "another tune"),
        ("full:gsm8k_train_2k", "data"),
        ("int8-dynamic", "the weights"),
        ("prune-wanda-50", "some text"),
        ("rows-unseen-reset", "ordinary text"),
        ("rows-base-reset", "the base model's"),
        ("sampling-0.7", "a host"),
    ],
)
def test_cases_are_named_by_how_they_begin(case, needs):
    threat = threat_of(case)
    assert needs in threat.access
    assert threat.paper
    assert threat.cost


def test_planting_is_no_threat():
    assert threat_of("plant") is None
    assert threat_of("sibling") is None
