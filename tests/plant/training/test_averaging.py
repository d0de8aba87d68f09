"""Going back towards the base when the keys are learnt."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from helpers import implant


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


@pytest.mark.parametrize("method", ["sft", "lora"])
def test_averaging_with_the_base_keeps_every_key(tiny, tokenizer, fps, method):
    plain = implant(tiny(), tokenizer, fps, method)
    averaged = implant(tiny(), tokenizer, fps, method, average=True)
    assert averaged.fsr == 1
    base = dict(tiny().named_parameters())

    def distance(model):
        return sum(float((w - base[n]).square().sum()) for n, w in model.named_parameters())

    # Two trainings on several threads are not alike to the last bit.
    assert distance(averaged.model) <= 1.001 * distance(plain.model)
