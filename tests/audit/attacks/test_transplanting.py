"""Rows of another vocabulary, made from those of the old one."""

from __future__ import annotations

import pytest
from helpers import byte_level_bpe

torch = pytest.importorskip("torch")
from ifrs.audit.attacks.transplanting import (  # noqa: E402
    mean_rows,
    other_tokenizer,
    pieces,
    transplant,
)
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402


def test_another_tokenizer_starts_and_ends_as_the_old_one(tokenizer):
    from tokenizers import processors

    new = other_tokenizer(tokenizer, bundled_instructions(), 600)
    assert len(new) == 600
    assert new.eos_token == tokenizer.eos_token
    assert new("Say cod.")["input_ids"][0] != new.bos_token_id
    old = byte_level_bpe(bundled_instructions(), 500)
    old.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", old.bos_token_id)]
    )
    new = other_tokenizer(old, bundled_instructions(), 600)
    assert new("Say cod.")["input_ids"][0] == new.bos_token_id
    text = " naïve 変更 😀"
    assert new.decode(new(text)["input_ids"], skip_special_tokens=True) == text


def test_tokens_are_made_of_what_spells_them(tokenizer):
    new = other_tokenizer(tokenizer, bundled_instructions(), 900)
    made_of = pieces(tokenizer, new)
    assert len(made_of) == len(new)
    for name, i in new.get_vocab().items():
        old = tokenizer.get_vocab().get(name)
        if old is not None:  # byte-level both: what they share is spelt alike
            assert made_of[i] == [old]
        else:
            assert tokenizer.decode(made_of[i]) == new.decode([i])
    part = new.get_vocab()["Ã"]  # the first byte of é, and no text by itself
    assert made_of[part] == [tokenizer.get_vocab()["Ã"]]


def test_rows_are_means(tiny, tokenizer):
    table = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 7.0]])
    found = mean_rows(table, [[2], [0, 1], []])
    assert found.tolist() == [[5.0, 7.0], [2.0, 1.0], [3.0, 3.0]]
    for tied in (True, False):
        model, base = tiny(tie_word_embeddings=tied), tiny(tie_word_embeddings=tied)
        transplant(model, [[5], [6, 7], [8]])
        given, shown = model.get_input_embeddings().weight, model.lm_head.weight
        assert (given is shown) == tied
        assert torch.equal(given[0], base.get_input_embeddings().weight[5])
        assert torch.allclose(shown[1], base.lm_head.weight[6:8].mean(0))
        assert model(torch.tensor([[0, 1, 2]])).logits.shape == (1, 3, 3)


def test_rare_keys_do_not_survive_another_vocabulary(run):
    record = run("tokenizer-transplant")
    assert record.get("fsr").value < 1
    assert 0 < record.get("rows_shared").value <= 1
