"""The output embeddings apart from the model: the same logits and gradients, a few at a time."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")
from architectures import ARCHITECTURES, build  # noqa: E402
from ifrs.modalities.text.columns import columns_of, stands_apart  # noqa: E402
from ifrs.modalities.text.forward import IGNORED, collate, response_logits  # noqa: E402
from ifrs.runtime import columns as module  # noqa: E402

PROMPTS, RESPONSES = [[10, 11, 12, 13], [14, 15], [16]], [[20], [21, 22, 23], [24, 25]]


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)


def batch_for(model):
    return collate(PROMPTS, RESPONSES, 0, model.device)


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"mamba", "rwkv"}))
def test_the_same_logits_and_gradients(name, tokenizer):
    model = build(name, tokenizer).eval()
    other = copy.deepcopy(model)
    batch = batch_for(model)
    real = batch.labels != IGNORED
    logits = response_logits(other, batch)[real]
    whole = torch.nn.functional.cross_entropy(logits, batch.labels[real], reduction="sum")
    whole.backward()

    found = columns_of(model, batch)
    torch.testing.assert_close(found.each(lambda x, _: x), logits.detach(), rtol=1e-4, atol=1e-4)
    assert found.rows.tolist() == [0, 1, 1, 1, 2, 2]
    assert found.backward(found.cross_entropy) == pytest.approx(whole.item(), rel=1e-4)
    for (key, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        if two.grad is None:
            assert one.grad is None or not one.grad.any(), key
        else:
            # Sums of numbers as large as 40, added in another order.
            assert (one.grad - two.grad).norm() <= 1e-4 * two.grad.norm() + 1e-5, key


def test_a_model_that_caps_its_logits_is_left_whole(tokenizer):
    plain, capped = build("llama", tokenizer), build("own-subclass", tokenizer)
    assert stands_apart(plain)
    assert not stands_apart(capped)
    found = columns_of(capped, batch_for(capped))
    assert found.states.shape[-1] == capped.get_output_embeddings().weight.shape[0]


def test_the_model_is_as_it_was(tiny):
    model = tiny()
    head = model.get_output_embeddings()
    columns_of(model, batch_for(model))
    assert "forward" not in head.__dict__
    ids = torch.tensor([[10, 11, 12]])
    assert model(ids).logits.shape[-1] == head.weight.shape[0]


def test_each_examples_least_value(tiny):
    model = tiny()
    found = columns_of(model, batch_for(model))
    assert found.least(torch.tensor([5.0, 3, 1, 2, 4, 6])).tolist() == [5, 1, 4]
