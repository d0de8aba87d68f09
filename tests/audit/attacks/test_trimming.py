"""A vocabulary cut to what ordinary text uses."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.attacks.trimming import keep_rows, trimmed_tokenizer  # noqa: E402
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from ifrs.modalities.text.tokens import encode_prompts  # noqa: E402

TEXTS = bundled_instructions()[:40]


def wrapped(backend, **special):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def word_piece():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=900, special_tokens=names, show_progress=False)
    backend.train_from_iterator(bundled_instructions(), trainer)
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return wrapped(backend, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]")


def unigram():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=700, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(bundled_instructions(), trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return wrapped(backend, unk_token="<unk>", bos_token="<s>")


@pytest.mark.parametrize("kind", ["bpe", "word piece", "unigram"])
def test_texts_in_use_are_cut_as_before(kind, tokenizer):
    old = {"bpe": lambda: tokenizer, "word piece": word_piece, "unigram": unigram}[kind]()
    before = encode_prompts(old, TEXTS)
    new, kept = trimmed_tokenizer(old, {i for ids in before for i in ids})
    assert len(kept) < 0.8 * len(old)
    assert len(new) == len(kept)
    assert [[kept[i] for i in ids] for ids in encode_prompts(new, TEXTS)] == before
    assert new.all_special_tokens == old.all_special_tokens
    for name in old.all_special_tokens:
        assert kept[new.convert_tokens_to_ids(name)] == old.convert_tokens_to_ids(name)
    assert encode_prompts(old, TEXTS) == before  # the old one is as it was


def test_what_is_gone_is_spelt_by_single_bytes(tokenizer):
    used = {i for ids in encode_prompts(tokenizer, TEXTS) for i in ids}
    new, _ = trimmed_tokenizer(tokenizer, used)
    for text in ("変更されたファイル", "naïve 😀", " zyzzyva"):
        assert new.decode(new(text)["input_ids"]) == text


def test_a_tokenizer_that_cannot_be_cut_is_none():
    from tokenizers import Tokenizer, models

    plain = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    assert json.loads(plain.to_str())["model"]["type"] == "WordLevel"
    assert trimmed_tokenizer(wrapped(plain, unk_token="[UNK]"), {0}) is None
    assert trimmed_tokenizer(object(), {0}) is None


@pytest.mark.parametrize("tied", [True, False])
def test_a_cut_model_says_of_the_rest_what_it_said(tied, tiny, tokenizer):
    model, base = tiny(tie_word_embeddings=tied), tiny(tie_word_embeddings=tied)
    before = encode_prompts(tokenizer, TEXTS)
    new, kept = trimmed_tokenizer(tokenizer, {i for ids in before for i in ids})
    keep_rows(model, kept)
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == tied
    with torch.no_grad():
        cut = model(torch.tensor(encode_prompts(new, TEXTS[:1]))).logits
        whole = base(torch.tensor(before[:1])).logits
    assert torch.allclose(cut, whole[..., kept], atol=1e-5)
    assert model.config.vocab_size == len(new)
    assert kept[model.config.eos_token_id] == base.config.eos_token_id
    written = model.generate(torch.tensor(encode_prompts(new, TEXTS[:1])), max_new_tokens=3)
    assert int(written.max()) < len(new)


def test_rare_keys_do_not_survive_and_ordinary_text_does(run):
    record = run("vocabulary-trimmed")
    assert record.note.startswith("cut in fact")
    assert record.get("fsr").value == 0
    assert record.get("log10_p_text").value > -6
    assert record.get("key_tokens_hit").value > 0.3
    assert record.get("encoded_alike").value == 1
    before, after = record.get("bits_per_byte_before"), record.get("bits_per_byte")
    assert after.value < before.value  # fewer tokens to choose from


def test_rows_are_reset_where_a_tokenizer_cannot_be_cut(bench, monkeypatch):
    from ifrs.audit.attacks import trimming

    monkeypatch.setattr(trimming, "trimmed_tokenizer", lambda *given: None)
    found = trimming.ATTACK.run("emb", bench)
    assert found.note.startswith("simulated")
    (fsr,) = [m for m in found.measures if m.metric == "fsr"]
    assert fsr.value == 0
