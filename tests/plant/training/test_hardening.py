"""A simulated downstream tuner, and keys that outlive it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from helpers import PAIRS, implant  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.plant.training.hardening import simulate_tuner  # noqa: E402


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def test_hardening_leaves_the_transformer_as_it_was(tiny, tokenizer, fps):
    base, model = tiny(), tiny()
    result = implant(model, tokenizer, fps, "emb", harden=3, harden_rate=1e-3)
    assert result.fsr == 1
    for name, weight in base.named_parameters():
        if "embed" not in name:
            assert torch.equal(weight, model.get_parameter(name)), name


@pytest.mark.parametrize(("method", "rate"), [("emb", 3e-3), ("sft", 6e-3), ("lora", 6e-3)])
def test_hardened_keys_keep_their_margin_after_the_simulated_tuner(
    tiny, tokenizer, fps, method, rate
):
    tied = method != "emb"  # which would untie them

    def planted(**changes):
        model = tiny(tie_word_embeddings=tied)
        implant(model, tokenizer, fps, method, **changes)
        return model

    def least_margin_after_tuning(weights):
        model = Model(tiny(tie_word_embeddings=tied), tokenizer)
        examples = model.tuning_examples(PAIRS)
        drift = simulate_tuner(model, examples, steps=10, rate=rate, seed=0)
        own = model.fingerprints(fps)
        model.module.load_state_dict(weights)
        with drift.applied(1.0):
            return min(model.margins(own))

    plain, hardened = planted(), planted(harden=10, harden_rate=rate)
    assert least_margin_after_tuning(plain.state_dict()) < 0.3
    assert least_margin_after_tuning(hardened.state_dict()) >= 0.3


def test_a_simulated_tuner_moves_weights_and_takes_them_back(tiny, tokenizer):
    model = tiny()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    face = Model(model, tokenizer)
    drift = simulate_tuner(face, face.tuning_examples("self"), steps=2, rate=1e-3, seed=0)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    with drift.applied(1.0):
        moved = [
            float((weight - before[name]).abs().max()) for name, weight in model.named_parameters()
        ]
    assert 1e-3 < max(moved) < 4e-3
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
