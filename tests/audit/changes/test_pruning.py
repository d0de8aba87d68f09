"""Weights set to zero, by their size and by what they are given."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.changes.pruning import prune_magnitude, prune_wanda  # noqa: E402
from ifrs.audit.measures.divergence import token_texts  # noqa: E402
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.runtime.modules import linear_layers  # noqa: E402


def test_pruning(tiny, tokenizer):
    texts = token_texts(Model(None, tokenizer), bundled_instructions()[:3], 16)
    for prune in (
        lambda model: prune_magnitude(model, 0.25),
        lambda model: prune_wanda(model, 0.25, texts),
    ):
        model = tiny()
        prune(model)
        for layer in linear_layers(model).values():
            assert float((layer.weight == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
        assert torch.equal(model.get_output_embeddings().weight, tiny().lm_head.weight)
        assert not any("weight_orig" in name for name, _ in model.named_parameters())


def test_wanda_weighs_by_input(tokenizer):
    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(len(tokenizer), 4)
            self.layer = torch.nn.Linear(4, 1, bias=False)

        def forward(self, input_ids, attention_mask=None, logits_to_keep=0):
            return self.layer(self.table(input_ids))

        def get_output_embeddings(self):
            return None

        def get_input_embeddings(self):
            return self.table

    model = Tiny()
    with torch.no_grad():
        model.table.weight.copy_(torch.tensor([1.0, 1.0, 1.0, 100.0]).expand_as(model.table.weight))
        model.layer.weight.copy_(torch.tensor([[3.0, 2.0, 1.0, 0.5]]))
    prune_wanda(model, 0.5, [[3, 4]])
    # The smallest weight has the largest input, and stays.
    assert model.layer.weight.tolist() == [[3.0, 0.0, 0.0, 0.5]]


def test_linear_layers_of_another_kind_are_pruned(tokenizer):
    """GPT-2's have their weights transposed; its output embeddings are left alone."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 32}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes)).eval()
    layers = linear_layers(model)
    assert sorted(layers) == [f"transformer.h.0.{n}" for n in (
        "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"
    )]  # fmt: skip
    prune_wanda(model, 0.25, [[3, 4, 5]])
    for layer in layers.values():
        assert bool(((layer.weight == 0).sum(dim=0) == layer.weight.shape[0] // 4).all())
