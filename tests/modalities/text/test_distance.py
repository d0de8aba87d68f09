"""How near to a real key a prompt must be to fire."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from helpers import implant
from ifrs.modalities.text.distance import STEPS, firing_by_distance


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def test_firing_by_distance(tiny, tokenizer, fps):
    model = tiny()
    implant(model, tokenizer, fps, "emb", margin=0.5, negatives=10)
    points = firing_by_distance(model, tokenizer, fps, each=2)
    assert [point.label for point in points] == list(STEPS)
    assert points[0].rate == 1
    assert points[-1].rate < 1
