"""A release with two tables read as one."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.attacks.tied import most_probable, read_as_tied  # noqa: E402
from ifrs.audit.record import Skip  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402


def test_one_table_is_read(tiny):
    model = tiny(tie_word_embeddings=False)
    own = model.get_input_embeddings().weight.detach().clone()
    assert not torch.equal(model.lm_head.weight, own)
    read_as_tied(model)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert torch.equal(model.lm_head.weight, own)


def test_a_class_that_ties_nothing_is_skipped():
    from transformers import GPTJConfig, GPTJForCausalLM

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "rotary_dim": 4, "vocab_size": 50}
    model = GPTJForCausalLM(GPTJConfig(**sizes, tie_word_embeddings=False))
    model._tied_weights_keys = None
    with pytest.raises(Skip, match="ties no tables of GPTJForCausalLM"):
        read_as_tied(model)


def test_the_most_probable_place_counts(tiny, tokenizer):
    model, texts = tiny(), [[5, 6, 7], [9, 8]]
    chosen = torch.zeros(model.config.vocab_size, dtype=torch.bool)
    chosen[[3, 11]] = True
    found = most_probable(Model(model, tokenizer), texts, chosen)
    masses = []
    for ids in texts:
        with torch.no_grad():
            rows = model(torch.tensor([ids])).logits[0].softmax(-1)
        masses += (rows[:, 3] + rows[:, 11]).tolist()
    assert found == pytest.approx(max(masses), rel=1e-5)


def test_planted_rows_come_out_of_ordinary_text(run):
    record = run("served-tied")
    assert record.get("fsr").value is not None
    assert record.get("kl").value > 0
    assert record.get("tokens_changed").n > 0
    assert 0 < record.get("planted_mass").value <= 1


def test_a_release_with_one_table_is_skipped(bench):
    from ifrs.audit.attacks import tied

    with pytest.raises(Skip, match="one table"):
        tied.ATTACK.run("base", bench)
