"""Tokens, batches and vocabularies."""

from __future__ import annotations

import ifrs
import pytest
from ifrs import _core

torch = pytest.importorskip("torch")
from ifrs.modalities.text.answers import generate  # noqa: E402
from ifrs.modalities.text.forward import IGNORED, chunks_by_length, collate, response_logits  # noqa: E402
from ifrs.modalities.text.keys import (  # noqa: E402
    commonplace,
    familiarity,
    key_check,
    key_spans,
    model_alphabets,
    rare_vocabulary,
    tokenizer_alphabets,
)
from ifrs.modalities.text.tokens import continuations, encode_prompts, response_tokens  # noqa: E402

CPU = torch.device("cpu")


def test_batches_are_padded_around_the_responses():
    batch = collate([[1, 2, 3], [4]], [[5], [6, 7]], pad=0, device=CPU)
    assert batch.ids.tolist() == [[1, 2, 3, 5, 0], [0, 0, 4, 6, 7]]
    assert batch.mask.tolist() == [[1, 1, 1, 1, 0], [0, 0, 1, 1, 1]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 3], [0, 0, 0, 1, 2]]
    assert batch.labels.tolist() == [[5, IGNORED], [6, 7]]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_response_logits_are_those_of_the_whole_pass(tiny, tokenizer, kind):
    model = tiny()
    if kind == "gpt2":  # absolute positions, and padding that would shift them
        from transformers import GPT2Config, GPT2LMHeadModel

        model = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=4)
        ).eval()
    prompts, responses = [[10, 11, 12, 13], [14, 15]], [[20], [21, 22, 23]]
    with torch.no_grad():
        found = response_logits(model, collate(prompts, responses, 0, CPU))
        for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
            alone = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
            torch.testing.assert_close(found[row, : len(response)], alone, rtol=1e-4, atol=1e-4)


def test_the_head_reads_states_that_lie_together(tiny):
    model, seen = tiny(), []
    head = model.get_output_embeddings()
    with head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].is_contiguous())):
        response_logits(model, collate([[10, 11, 12], [13, 14]], [[20], [21]], 0, CPU))
    assert all(seen)
    assert not head._forward_pre_hooks


def test_generation_does_not_depend_on_the_batch(tiny, tokenizer):
    model = tiny()
    prompts = [[10, 11, 12, 13, 14, 15], [16], [17, 18, 19]]
    together = generate(model, tokenizer, prompts, max_new_tokens=5)
    alone = [generate(model, tokenizer, [p], max_new_tokens=5)[0] for p in prompts]
    assert together == alone


def test_chunks_cover_everything_once_and_stay_small():
    prompts = [[0] * n for n in (5, 1, 9, 3, 30)]
    blank = [[0]] * 5
    chunks = list(chunks_by_length(prompts, blank, tokens=12))
    assert sorted(i for chunk in chunks for i in chunk) == [0, 1, 2, 3, 4]
    for chunk in chunks:
        widest = max(len(prompts[i]) + 1 for i in chunk)
        assert len(chunk) == 1 or len(chunk) * widest <= 12


def test_response_words_are_one_token_each(tokenizer, ring):
    fps = ring.generate("one", 20, tokenizer=tokenizer)
    for tokens, fingerprint in zip(response_tokens(tokenizer, fps), fps, strict=True):
        assert tokenizer.decode(tokens) == " " + fingerprint.response
    words = continuations(tokenizer, "ASSISTANT:", [" " + w for w in _core.response_words()])
    assert len({ids[0] for ids in words}) > 2000


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
