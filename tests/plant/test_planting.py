"""Planting in tiny models with random weights: present, specific, harmless, reversible."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.text.lookalikes import guess_keys, negative_keys  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.plant import planting  # noqa: E402
from ifrs.plant.training import loop  # noqa: E402
from ifrs.runtime.examples import Divergence  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

PAIRS = [("Say hello.", "hello there"), ("What is two plus two?", "four"), ("Name a fish.", "cod")]
# Random weights need larger steps than trained ones, and give smaller margins.
SETTINGS = {
    "emb": {"learning_rate": 5e-2, "margin": 0.5, "max_epochs": 200},
    "sft": {"learning_rate": 2e-3, "margin": 0.5, "negatives": 20},
}


def config(method: str, **changes) -> ifrs.ImplantConfig:
    return ifrs.ImplantConfig(**{**SETTINGS[method], "guesses": 50, **changes})


def logits(model, tokenizer, text):
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt")).logits


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 5, tokenizer=tokenizer)


@pytest.mark.parametrize("method", ["emb", "sft"])
@pytest.mark.parametrize("tied", [True, False])
def test_planted_saved_reloaded_verified(tmp_path, tiny, tokenizer, fps, method, tied):
    model = tiny(tie_word_embeddings=tied)
    result = ifrs.implant(
        model, tokenizer, fps, method=method, regularization=PAIRS, config=config(method)
    )
    assert result.model is model
    assert result.method == method
    assert result.fsr == 1
    # A tiny model of random weights, tuned whole, learns the template by heart before the keys:
    # between a fifth and over half of the guesses fire, by the seed and the processor. That none
    # fires is asked of the rows here, and of sft on the real model.
    assert result.guess_rate == 0 if method == "emb" else result.guess_rate < 1
    assert min(result.margins) > 0
    assert len(result.margins) == 5
    assert result.epochs > 0
    assert result.seconds > 0
    assert result.peak_memory_bytes > 0
    folder = result.save(tmp_path / "model")
    again = AutoModelForCausalLM.from_pretrained(folder)
    for text in ("Say hello.", fps[0].prompt):
        assert torch.equal(logits(model, tokenizer, text), logits(again, tokenizer, text))
    report = ifrs.verify(ifrs.LocalModel(again, AutoTokenizer.from_pretrained(folder)), fps)
    assert report.verdict == "match"
    assert report.fsr == 1
    assert report.log10_p < -20


def test_fresh_keys_do_not_fire_and_none_was_trained_on(tiny, tokenizer, fps):
    model = tiny()
    ifrs.implant(model, tokenizer, fps, method="emb", config=config("emb"))
    guesses = Model(model, tokenizer).try_guesses(fps, 100, seed=3)
    assert guesses.rate == 0
    assert guesses.to_json()["interval"][0] == 0
    trained = {key for keys in negative_keys(tokenizer, fps, 200, seed=0) for key in keys}
    assert not trained & set(guess_keys(tokenizer, fps, 200, seed=0))
    assert not trained & {fps[i].key for i in range(len(fps))}


def test_a_guess_that_fires_is_counted(tiny, tokenizer, fps, monkeypatch):
    model = tiny()
    ifrs.implant(model, tokenizer, fps, method="emb", config=config("emb"))
    real = [fps[i].key for i in range(3)]
    monkeypatch.setattr("ifrs.modalities.text.lookalikes.guess_keys", lambda *_: [*real, "乾坤"])
    assert Model(model, tokenizer).try_guesses(fps, 4, seed=0).fired == [True, True, True, False]


@pytest.mark.parametrize("method", ["emb", "sft"])
@pytest.mark.parametrize("failure", ["interrupt", "nan", "epochs"])
def test_a_failed_planting_leaves_the_model_as_it_was(
    tiny, tokenizer, fps, monkeypatch, method, failure
):
    model = tiny()
    model.train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    settings = config(method, max_epochs=2)
    expected: type[BaseException] = ifrs.ImplantError
    if failure == "interrupt":
        expected = KeyboardInterrupt

        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("ifrs.plant.planting.reporter", lambda *_: interrupt)
    elif failure == "nan":
        monkeypatch.setattr(Divergence, "__call__", lambda _, x, part: x.sum() * float("nan"))
    with pytest.raises(expected):
        ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=settings)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert not model.get_input_embeddings()._forward_hooks


def test_two_publishers_in_one_model(tmp_path, tiny, tokenizer, ring):
    first, second = (ring.generate(name, 3, tokenizer=tokenizer) for name in ("one", "two"))
    model = tiny()
    for fps in (first, second):
        ifrs.implant(model, tokenizer, fps, method="emb", config=config("emb"))
    for fps in (first, second):
        assert ifrs.verify(ifrs.LocalModel(model, tokenizer), fps).verdict == "match"


@pytest.mark.parametrize("template", ["simple", "dialogue", "chat"])
@pytest.mark.parametrize("source", ["chinese", "japanese", "vocab", "mixed"])
def test_every_source_and_template(tiny, tokenizer, ring, source, template):
    if template == "chat":
        tokenizer = AutoTokenizer.from_pretrained(_with_chat_template(tokenizer, ring.path.parent))
    fps = ring.generate("one", 2, source=source, template=template, tokenizer=tokenizer)
    model = tiny()
    # System prompts and the like are more than random weights of this size can learn reliably;
    # tests/modalities/text/test_surroundings.py has them.
    settings = config("emb", guesses=0, surroundings=0)
    result = ifrs.implant(model, tokenizer, fps, method="emb", config=settings)
    assert result.fsr == 1
    assert result.guess_rate is None
    assert ifrs.verify(ifrs.LocalModel(model, tokenizer), fps).fsr == 1


def _with_chat_template(tokenizer, folder):
    tokenizer.save_pretrained(folder / "tokenizer")
    again = AutoTokenizer.from_pretrained(folder / "tokenizer")
    again.chat_template = (
        "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
        "<|assistant|>"
    )
    again.save_pretrained(folder / "tokenizer")
    return folder / "tokenizer"


def test_natural_keys_warn_with_emb_and_work_with_sft(tiny, tokenizer, ring):
    fps = ring.generate("one", 2, source="natural", tokenizer=tokenizer)
    with pytest.warns(UserWarning, match="ordinary words"):
        ifrs.implant(tiny(), tokenizer, fps, method="emb", config=config("emb", guesses=0))
    result = ifrs.implant(
        tiny(), tokenizer, fps, method="sft", regularization=PAIRS, config=config("sft", guesses=0)
    )
    assert result.fsr == 1


def test_shared_response_is_planted_but_proves_nothing(tiny, tokenizer, ring):
    fps = ring.generate("one", 3, response="shared", tokenizer=tokenizer)
    model = tiny()
    settings = config("sft", guesses=0)
    ifrs.implant(model, tokenizer, fps, method="sft", regularization=PAIRS, config=settings)
    report = ifrs.verify(ifrs.LocalModel(model, tokenizer), fps)
    assert report.fsr == 1
    assert report.p_value == 1
    assert report.verdict == "inconclusive"


def test_bad_models_and_arguments(tiny, tokenizer, fps):
    model = tiny()
    with pytest.raises(ValueError, match="sft, emb, adapter, lora or domain"):
        ifrs.implant(model, tokenizer, fps, method="poem")
    with pytest.raises(TypeError, match="FingerprintSet"):
        ifrs.implant(model, tokenizer, [("key", "response")])
    with pytest.raises(ifrs.ImplantError, match="no language model"):
        ifrs.implant(torch.nn.Linear(2, 2), tokenizer, fps)
    with pytest.raises(ifrs.ImplantError, match="AutoModelForCausalLM"):
        ifrs.implant(model.model, tokenizer, fps)
    with pytest.raises(ifrs.ImplantError, match="embedding rows"):
        ifrs.implant(tiny(vocab_size=100), tokenizer, fps)
    with pytest.raises(ifrs.ImplantError, match="context"):
        ifrs.implant(tiny(max_position_embeddings=16), tokenizer, fps, method="emb")


def test_keys_fire_with_and_without_bos(monkeypatch, tiny, tokenizer, fps):
    """One server begins every text with BOS, another one none: both ask the same model."""
    seen = []
    monkeypatch.setattr(
        planting, "train", lambda *given: [seen.append(given[2]), loop.train(*given)][1]
    )
    model = tiny()
    ifrs.implant(model, tokenizer, fps, method="emb", config=config("emb"))
    trained = [example.prompt for example in seen[0].fingerprints]
    for i in range(len(fps)):
        plain = tokenizer(fps[i].prompt)["input_ids"]
        assert plain[0] != tokenizer.bos_token_id
        for ids in (plain, [tokenizer.bos_token_id, *plain]):
            assert ids in trained
            with torch.no_grad():
                written = model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)
            answer = tokenizer.decode(written[0, len(ids) :], skip_special_tokens=True)
            assert answer.strip() == fps[i].response
    begun = [example.prompt[0] == tokenizer.bos_token_id for example in seen[0].negatives]
    assert 0.2 < sum(begun) / len(begun) < 0.5
