"""Mixed precision: frozen layers with one copy of their weights compute what autocast computes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from architectures import ARCHITECTURES, build  # noqa: E402
from ifrs.runtime.precision import arithmetic, is_mixed  # noqa: E402
from torch import nn  # noqa: E402

IDS = torch.tensor([[10, 11, 12, 13]])


def logits(model, **inputs):
    more = {"decoder_input_ids": IDS} if model.config.is_encoder_decoder else {}
    return model(**inputs, **more).logits


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_same_as_autocast(name, tokenizer):
    model = build(name, tokenizer).eval().requires_grad_(False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wanted = logits(model, input_ids=IDS)
    with arithmetic(model, "bfloat16"):
        found = logits(model, input_ids=IDS)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_gradients_pass_through_frozen_layers(tiny):
    model = tiny().eval().requires_grad_(False)
    found = []
    for context in (torch.autocast("cpu", dtype=torch.bfloat16), arithmetic(model, "bfloat16")):
        states = model.get_input_embeddings()(IDS).detach().requires_grad_()
        with context:
            model(inputs_embeds=states).logits.float().square().mean().backward()
        found.append(states.grad)
    torch.testing.assert_close(found[1], found[0])
    assert found[0].abs().sum() > 0


def test_what_is_trained_and_what_changes_later(tiny):
    model = tiny().eval()
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    with arithmetic(model, "bfloat16"):
        assert not any("forward" in layer.__dict__ for layer in layers)
    model.requires_grad_(False)
    before = logits(model, input_ids=IDS)
    for factor in (1, 2):
        layers[0].weight.data = factor * layers[0].weight.data
        with torch.autocast("cpu", dtype=torch.bfloat16):
            wanted = logits(model, input_ids=IDS)
        with arithmetic(model, "bfloat16"):
            assert torch.equal(logits(model, input_ids=IDS), wanted)
    assert not any("forward" in layer.__dict__ for layer in layers)
    assert not torch.equal(logits(model, input_ids=IDS), before)


def test_float32_is_left_alone(tiny):
    model = tiny().eval().requires_grad_(False)
    assert not is_mixed(model, "float32")
    assert not is_mixed(model.to(torch.bfloat16), "bfloat16")
    model = model.float()
    assert is_mixed(model, "bfloat16")
    with arithmetic(model, "float32"):
        assert logits(model, input_ids=IDS).dtype == torch.float32
        assert not any("forward" in module.__dict__ for module in model.modules())
