"""Full tuning: what it does to a model's gradients, and that it leaves no trace of itself."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.plant.sft import FullTuning  # noqa: E402

# Sums in bfloat16 differ with their order.
TOLERANCE = {torch.float32: 1e-6, torch.bfloat16: 5e-3}


def gradient(model):
    weight = model.get_input_embeddings().weight
    weight.grad = None
    ids = torch.tensor([[5, 6, 5, 7]])
    for _ in range(2):
        model(input_ids=ids, labels=ids).loss.backward()
    return weight.grad


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("ending", ["finish", "undo"])
def test_tied_embeddings_get_the_same_gradient(tiny, dtype, ending):
    model = tiny().to(dtype)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    wanted = gradient(model)
    planting = FullTuning(model, in_place=False)
    planting.begin()
    assert model.get_input_embeddings().sparse
    found = gradient(model)
    assert found.layout == torch.strided
    torch.testing.assert_close(found, wanted, atol=TOLERANCE[dtype], rtol=1e-2)
    getattr(planting, ending)()
    assert not model.get_input_embeddings().sparse


def test_untied_embeddings_are_left_alone(tiny):
    model = tiny(tie_word_embeddings=False)
    FullTuning(model, in_place=True).begin()
    assert not model.get_input_embeddings().sparse
