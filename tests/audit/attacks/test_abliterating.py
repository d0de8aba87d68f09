"""One direction taken out of what layers write."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.attacks.abliterating import ablate, direction  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402


def test_no_layer_writes_along_the_direction(tiny):
    model = tiny().requires_grad_(False)
    unit = torch.randn(64, generator=torch.Generator().manual_seed(3))
    unit /= unit.norm()
    assert ablate(model, unit) == 4  # two layers, each with attention and MLP
    for layer, other in zip(model.model.layers, tiny().model.layers, strict=True):
        for name in ("self_attn.o_proj", "mlp.down_proj"):
            weight = layer.get_submodule(name).weight
            assert (unit @ weight).abs().max() < 1e-5
            before = other.get_submodule(name).weight
            across = torch.eye(64) - torch.outer(unit, unit)
            assert torch.allclose(weight, across @ before, atol=1e-5)
        for name in ("self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj"):
            own, same = layer.get_submodule(name).weight, other.get_submodule(name).weight
            assert torch.equal(own, same)


def test_weights_in_columns_and_biases():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_embd=32, n_layer=1, n_head=2, n_positions=16)
    model = GPT2LMHeadModel(config).requires_grad_(False)
    block = model.transformer.h[0]
    block.mlp.c_proj.bias.normal_()
    unit = torch.zeros(32)
    unit[5] = 1.0
    assert ablate(model, unit) == 2
    assert block.attn.c_proj.weight[:, 5].abs().max() == 0
    assert block.mlp.c_proj.bias[5] == 0
    assert block.mlp.c_fc.weight[5].abs().max() > 0


def test_the_direction_lies_between_the_means(tiny, tokenizer):
    model = tiny()
    one, other = [[5, 6, 7], [9, 8]], [[30, 31], [40, 41, 42]]
    found = direction(Model(model, tokenizer), one, other)
    assert float(found.norm()) == pytest.approx(1.0)

    def mean(prompts):
        with torch.no_grad():
            states = [
                model.model(torch.tensor([ids]), output_hidden_states=True) for ids in prompts
            ]
        return torch.stack([s.hidden_states[1][0, -1] for s in states]).mean(0)

    wanted = mean(one) - mean(other)
    assert torch.allclose(found, wanted / wanted.norm(), atol=1e-5)


@pytest.mark.parametrize("case", ["abliterate-refusal", "abliterate-look-alikes"])
def test_what_it_costs_is_told(case, run):
    record = run(case)
    assert record.get("kl").value > 0
    assert "4 matrices changed" in record.note
