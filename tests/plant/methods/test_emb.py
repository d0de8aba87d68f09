"""Embedding rows alone: which they are, and that nothing else changes."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402

# Random weights need larger steps than trained ones, and give smaller margins.
SETTINGS = {"emb": {"learning_rate": 5e-2, "margin": 0.5, "max_epochs": 200}}


def config(method: str, **changes) -> ifrs.ImplantConfig:
    return ifrs.ImplantConfig(**{**SETTINGS[method], "guesses": 50, **changes})


def logits(model, tokenizer, text):
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt")).logits


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 5, tokenizer=tokenizer)


@pytest.mark.parametrize("tied", [True, False])
def test_emb_is_bit_identical_without_a_key_token(tiny, tokenizer, fps, tied):
    base, model = tiny(tie_word_embeddings=tied), tiny(tie_word_embeddings=tied)
    result = ifrs.implant(model, tokenizer, fps, method="emb", config=config("emb"))
    rows = set(result.reach["rows"])
    for text in bundled_instructions()[:20]:
        assert not rows & set(tokenizer(text)["input_ids"])
        assert torch.equal(logits(base, tokenizer, text), logits(model, tokenizer, text))
    assert not torch.equal(
        logits(base, tokenizer, fps[0].prompt), logits(model, tokenizer, fps[0].prompt)
    )
    before, after = base.get_input_embeddings().weight, model.get_input_embeddings().weight
    changed = (before != after).any(dim=1).nonzero().flatten().tolist()
    assert set(changed) <= rows
    assert torch.equal(base.get_output_embeddings().weight, model.get_output_embeddings().weight)


def test_emb_rows_leave_out_ordinary_tokens(tiny, tokenizer, fps):
    from ifrs.modalities.text.keys import key_tokens

    rows = set(key_tokens(tokenizer, fps))
    assert rows
    for text in (*bundled_instructions(), "".join(fps.around)):
        assert not rows & set(tokenizer(text)["input_ids"])


def test_emb_rows_leave_out_what_joins_the_pieces_of_a_key(tokenizer, fps, monkeypatch):
    from ifrs.modalities.text import keys

    whole = keys.key_tokens(tokenizer, fps)
    (joint,) = tokenizer("n")["input_ids"]
    spans = keys.key_spans
    with monkeypatch.context() as patch:
        patch.setattr(keys, "key_spans", lambda *args: [[joint, *s] for s in spans(*args)])
        patch.setattr(keys, "bundled_instructions", tuple)
        assert joint not in keys.key_tokens(tokenizer, fps)
        # A key of little else keeps what it has.
        patch.setattr(keys, "_FEW_TOKENS", 1000)
        assert set(whole) | {joint} <= set(keys.key_tokens(tokenizer, fps))
