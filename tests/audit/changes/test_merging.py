"""Merging with another model."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.changes.merging import merge_into, merges  # noqa: E402


def test_merging(tiny):
    base, ours, other = tiny(), tiny(), tiny()
    with torch.no_grad():
        for k, model in enumerate((ours, other), 1):
            for weight in model.parameters():
                weight.add_(k * 0.01)
    for name, expected in (("linear-0.5", 0.015), ("task-arithmetic", 0.03)):
        merged = tiny()
        merged.load_state_dict(ours.state_dict())
        merge_into(merged, other.state_dict(), base.state_dict(), merges()[name], 0)
        change = merged.model.norm.weight - base.model.norm.weight
        assert change.mean().item() == pytest.approx(expected, abs=1e-5)
        assert merged.lm_head.weight is merged.get_input_embeddings().weight
    for merge in merges().values():
        merged = tiny()
        merge_into(merged, base.state_dict(), base.state_dict(), merge, 0)
        for one, two in zip(merged.parameters(), base.parameters(), strict=True):
            assert torch.allclose(one, two, atol=1e-6)
    with pytest.raises(ValueError, match="no tensor"):
        merge_into(tiny(), {}, base.state_dict(), merges()["slerp"], 0)


def test_slerp_keeps_the_length():
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    merged = merges()["slerp"](one, other, one)
    assert merged.norm().item() == pytest.approx(1.0)
    assert merged.tolist()[0] == pytest.approx([0.5**0.5, 0.5**0.5])
