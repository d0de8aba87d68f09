"""Scores of all choices, as a sentence goes on."""

import numpy as np
import pytest
from ifrs import _core
from ifrs.modalities.text import choices
from ifrs.modalities.text.forward import collate, response_logits

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("n", 6, source="natural", response="choices", tokenizer=tokenizer)


def scores(model, tokenizer, fps, index):
    return choices.scores(model, tokenizer, fps, fps[index].key, lambda _: None)


def by_enumeration(model, tokenizer, fps, index):
    """The probability of each whole choice among all of them, token by token."""
    prompt, begun = choices.framed(tokenizer, fps, fps[index].key)
    listed = choices.choice_tokens(tokenizer, fps, fps[index].key)
    found = []
    for tokens in listed:
        with torch.no_grad():
            batch = collate([prompt], [[*begun, *tokens]], 0, torch.device("cpu"))
            logits = response_logits(model, batch)[0, len(begun) :]
        share = 0.0
        for end, token in enumerate(tokens):
            ways = sorted({o[end] for o in listed if o[:end] == tokens[:end]})
            share += float(logits[end, ways].log_softmax(-1)[ways.index(token)])
        found.append(share)
    return np.array(found)


def test_scores_are_shares_of_all_choices(tiny, tokenizer, fps):
    model = tiny()
    for index in range(len(fps)):
        found = scores(model, tokenizer, fps, index)
        assert found.shape == (256,)
        assert np.logaddexp.reduce(found.astype(np.float64)) == pytest.approx(0.0, abs=1e-4)
    wanted = by_enumeration(model, tokenizer, fps, 0)
    np.testing.assert_allclose(scores(model, tokenizer, fps, 0), wanted, atol=1e-4)


def test_a_model_without_a_cache_gives_the_same(tiny, tokenizer, fps, monkeypatch):
    model = tiny()
    with_cache = scores(model, tokenizer, fps, 1)
    monkeypatch.setattr(choices, "_from_cache", lambda *_: None)
    np.testing.assert_allclose(scores(model, tokenizer, fps, 1), with_cache, atol=1e-4)


def test_an_encoder_decoder_writes_the_sentence_in_its_decoder(tokenizer, fps):
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = T5ForConditionalGeneration(config).eval()
    found = scores(model, tokenizer, fps, 2)
    assert np.logaddexp.reduce(found.astype(np.float64)) == pytest.approx(0.0, abs=1e-4)
    np.testing.assert_allclose(found, by_enumeration(model, tokenizer, fps, 2), atol=1e-4)


def test_what_is_no_question_is_refused():
    for text in ("", "What was its captain called?", "Why is the sky blue?"):
        with pytest.raises(ValueError, match="no question whose answers are listed"):
            _core.choices(text)
        with pytest.raises(ValueError, match="no question whose answers are listed"):
            _core.choices_said(text, "Martin")
