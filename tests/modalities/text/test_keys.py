"""Keys that a tokenizer can express, of vocabulary that a model hardly learnt."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.text.keys import (  # noqa: E402
    commonplace,
    familiarity,
    key_check,
    key_spans,
    model_alphabets,
    rare_vocabulary,
    tokenizer_alphabets,
)
from ifrs.modalities.text.tokens import continuations, encode_prompts  # noqa: E402


@pytest.mark.parametrize("source", ["chinese", "japanese", "vocab", "natural", "mixed"])
def test_keys_survive_the_tokenizer(tokenizer, ring, source):
    fps = ring.generate("one", 20, source=source, tokenizer=tokenizer)
    for fingerprint in fps:
        ids = encode_prompts(tokenizer, [fingerprint.prompt])[0]
        assert fingerprint.key in tokenizer.decode(ids)
    ring.close()
    again = ifrs.Keyring.open(ring.path, passphrase="pass")
    assert [f.key for f in again["one"]] == [f.key for f in fps]
    assert again.sets()[0]["stored"]


def test_rare_vocabulary_is_stable(tokenizer):
    rare = rare_vocabulary(tokenizer)
    assert len(rare) >= 128
    assert all(text.isalpha() for text in rare)
    ids = continuations(tokenizer, "鍵", rare)
    assert all(len(tokens) == 1 for tokens in ids)


def test_parts_of_ordinary_words_are_told_from_rare_vocabulary(tokenizer):
    (letter,), (word,) = (tokenizer(text)["input_ids"] for text in ("n", " the"))
    rare = sorted(tokenizer.get_vocab().values())[-8:]
    foreign = continuations(tokenizer, "鍵", ["力"])[0]
    assert commonplace(tokenizer, [letter, word, *rare, *foreign]) == {letter, word}


def test_a_tokenizer_without_the_tokens_is_refused(ring):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<unk>": 0, "hello": 1, "world": 2}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    poor = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")
    for source in ("chinese", "japanese", "vocab", "mixed", "natural"):
        with pytest.raises(ifrs.FingerprintError):
            ring.generate("one", 2, source=source, tokenizer=poor)
    assert len(ring) == 0
    assert key_check(poor)(["東京"]) == [False]


def test_an_exception_of_the_tokenizer_comes_through(ring, tokenizer, monkeypatch):
    def broken(*_):
        raise RuntimeError("tokenizer exploded")

    monkeypatch.setattr("ifrs.modalities.text.keys.key_check", lambda _: broken)
    with pytest.raises(RuntimeError, match="exploded"):
        ring.generate("one", 2, tokenizer=tokenizer)
    assert len(ring) == 0


def test_key_spans_hold_nothing_of_the_template(tokenizer, ring):
    for template in ("simple", "dialogue"):
        fps = ring.generate(template, 5, template=template, tokenizer=tokenizer)
        spans = key_spans(tokenizer, [f.prompt for f in fps], [f.key for f in fps])
        for span, fingerprint in zip(spans, fps, strict=True):
            assert not set(span) & set(tokenizer.all_special_ids)
            assert tokenizer.decode(span).strip() in fingerprint.key


def test_keys_of_what_a_model_hardly_learnt(ring, tokenizer, tiny):
    model, lists = tiny(), tokenizer_alphabets(tokenizer)
    least = lists["vocab"][::2]
    with torch.no_grad():
        rows = model.get_input_embeddings().weight.fill_(1.0)
        rows[[ids[0] for ids in continuations(tokenizer, "鍵", least)]] = 0.01
    own = model_alphabets(model, tokenizer)
    assert {**own, "vocab": lists["vocab"]} == lists
    assert set(own["vocab"][: len(least)]) == set(least)
    fps = ring.generate("one", 4, source="vocab", tokenizer=tokenizer, model=model)
    assert len(fps) == 4


def test_tokens_that_no_text_holds_show_what_was_never_learnt(tokenizer, tiny):
    model = tiny()
    model.resize_token_embeddings(len(tokenizer) + 20)
    rows = model.get_input_embeddings().weight
    with torch.no_grad():
        rows[len(tokenizer) :] = rows[7] + 0.01 * torch.randn(20, rows.shape[1])
    known = familiarity(model, tokenizer)
    assert known[: len(tokenizer)].argmin() == 7
    model.resize_token_embeddings(len(tokenizer) - 1)
    with pytest.raises(ifrs.FingerprintError, match="own tokenizer"):
        familiarity(model, tokenizer)


def test_a_model_comes_with_its_tokenizer(ring, tiny):
    with pytest.raises(ValueError, match="tokenizer"):
        ring.generate("one", 2, model=tiny())


def test_alphabets_are_what_the_tokenizer_keeps(tokenizer):
    lists = tokenizer_alphabets(tokenizer)
    assert set(lists) == {"chinese", "family", "given", "vocab"}
    assert len(lists["chinese"]) >= 512
