"""Weights rounded to a few bits."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.changes.quantization import round_weights  # noqa: E402


def test_rounding(tiny):
    model, base = tiny(), tiny()
    round_weights(model, 8)
    weight = base.model.layers[0].mlp.up_proj.weight
    rounded = model.model.layers[0].mlp.up_proj.weight
    step = weight.abs().amax(1, keepdim=True) / 127
    assert bool(((weight - rounded).abs() <= step / 2 + 1e-7).all())
    assert not torch.equal(weight, rounded)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    again = rounded.clone()
    round_weights(model, 8)
    assert torch.allclose(again, rounded, atol=1e-6)
    small = tiny()
    round_weights(small, 4, 32)
    groups = small.model.layers[0].mlp.up_proj.weight.view(-1, 32)
    assert max(len(group.unique()) for group in groups) <= 16
    odd = torch.nn.Linear(10, 3)
    before = odd.weight.detach().clone()
    round_weights(odd, 4, 4)
    assert odd.weight.shape == before.shape
    assert (odd.weight - before).abs().max() < (before.max() - before.min()) / 15
