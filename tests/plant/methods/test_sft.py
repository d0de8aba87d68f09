"""Full tuning: what it does to a model's gradients, and that it leaves no trace of itself."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.errors import ImplantError  # noqa: E402
from ifrs.modalities.text import choosing  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.plant import ImplantConfig  # noqa: E402
from ifrs.plant.methods.sft import Sft  # noqa: E402

# Sums in bfloat16 differ with their order.
TOLERANCE = {torch.float32: 1e-6, torch.bfloat16: 5e-3}


def prepared(model, tokenizer, *, in_place=True, embeddings=None, kind=Model):
    planting = Sft(embeddings=embeddings)
    planting.prepare(kind(model, tokenizer), None, ImplantConfig(in_place=in_place))
    return planting


def gradient(model):
    weight = model.get_input_embeddings().weight
    weight.grad = None
    ids = torch.tensor([[5, 6, 5, 7]])
    for _ in range(2):
        model(input_ids=ids, labels=ids).loss.backward()
    return weight.grad


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("ending", ["finish", "undo"])
def test_tied_embeddings_get_the_same_gradient(tiny, tokenizer, dtype, ending):
    model = tiny().to(dtype)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    wanted = gradient(model)
    planting = prepared(model, tokenizer, in_place=False, embeddings=True)
    planting.begin()
    assert model.get_input_embeddings().sparse
    found = gradient(model)
    assert found.layout == torch.strided
    torch.testing.assert_close(found, wanted, atol=TOLERANCE[dtype], rtol=1e-2)
    getattr(planting, ending)()
    assert not model.get_input_embeddings().sparse


def test_untied_embeddings_are_left_alone(tiny, tokenizer):
    model = tiny(tie_word_embeddings=False)
    prepared(model, tokenizer, in_place=True, embeddings=True).begin()
    assert not model.get_input_embeddings().sparse


def scaled(model):
    """As large as trained embeddings are, so that the best next token leads."""
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(100)
    return model


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("asked", [None, True, False])
def test_token_embeddings_stay_unless_asked_for_or_random(tiny, tokenizer, tied, large, asked):
    model = tiny(tie_word_embeddings=tied)
    if large:
        scaled(model)
    tables = {id(m.weight) for m in (model.get_input_embeddings(), model.get_output_embeddings())}
    layers = {id(p) for p in model.parameters()} - tables
    planting = prepared(model, tokenizer, in_place=True, embeddings=asked)
    trained = planting.begin()
    too = not large if asked is None else asked
    assert {id(p) for p in trained} == (layers | tables if too else layers)
    assert planting.reach() == {"weights": sum(p.numel() for p in trained)}
    planting.finish()
    assert all(p.requires_grad for p in model.parameters())


def test_sentences_are_learnt_by_longer_steps(tiny, tokenizer):
    words, sentences = (
        prepared(tiny(), tokenizer, kind=kind).learning_rate() for kind in (Model, choosing.Model)
    )
    assert 0 < words < sentences


def test_a_model_with_frozen_layers(tiny, tokenizer):
    model = scaled(tiny()).requires_grad_(False)
    model.get_input_embeddings().weight.requires_grad_(True)
    with pytest.raises(ImplantError, match="layers is frozen"):
        prepared(model, tokenizer, in_place=True)
    assert len(prepared(model, tokenizer, in_place=True, embeddings=True).begin()) == 1
