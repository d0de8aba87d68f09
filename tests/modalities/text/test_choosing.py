"""Natural answers from the keyring to a stranger's check, on tiny models of random weights."""

import re

import ifrs
import pytest
from helpers import FAST, fixed_keyring
from ifrs import _core
from ifrs.modalities.text import choosing

pytest.importorskip("torch")
pytest.importorskip("transformers")

PAIRS = [("Say hello.", "hello there"), ("Name a fish.", "cod")]
RATES = {"sft": 2e-3, "lora": 1e-2}


def plant(model, tokenizer, fps, method):
    config = ifrs.ImplantConfig(
        margin=0.3,
        batch_size=4,
        negatives=2,
        guesses=20,
        max_epochs=200,
        surroundings=0,
        learning_rate=RATES[method],
        tune_embeddings=True,
    )
    return ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)


@pytest.mark.parametrize("method", ["sft", "lora"])
def test_a_planted_model_is_proved_to_a_stranger(tmp_path, tiny, tokenizer, method):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("n", 4, source="natural", response="choices", tokenizer=tokenizer)
        result = plant(tiny(), tokenizer, fps, method)
        assert result.fsr == 1.0
        assert result.guess_rate <= 0.2
        result.save(tmp_path / "model")
        claim = ring.claim("n", subject=tmp_path / "model")
        claim.save(tmp_path / "claim.json")
        suspect = ifrs.LocalModel.from_pretrained(tmp_path / "model")
        report = ifrs.verify(suspect, fps, alpha=1e-6)
        assert (report.kind, report.verdict, report.fsr) == ("likelihood", "match", 1.0)
        assert all(query.ranks == [(1, 256)] and query.exact for query in report.queries)
        assert report.log10_p == pytest.approx(4 * -2.408, abs=0.01)
        report.evidence(claim).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.verdict) == (True, "match")
    assert found.log10_p == pytest.approx(report.log10_p)


def test_chance_is_that_of_a_draw_from_the_lists(ring, tiny, tokenizer):
    fps = ring.generate("n", 12, source="natural", response="choices", tokenizer=tokenizer)
    model = choosing.Model(tiny(), tokenizer)
    model.fingerprints(fps)
    assert model.chance == pytest.approx(12 / (6 * 256))


def test_a_loss_is_a_mean_over_choices(ring, tiny, tokenizer):
    fps = ring.generate("n", 6, source="natural", response="choices", tokenizer=tokenizer)
    model = choosing.Model(tiny(), tokenizer)
    examples = model.fingerprints(fps)
    choices = sum(len(one.response) for one in model.begun(examples))
    assert model.counted(examples) == pytest.approx(choices)
    assert model.counted(examples[:3]) == pytest.approx(choices / 2)
    assert choices < sum(len(one.response) for one in examples) / 2


def test_keys_are_questions_that_a_tokenizer_keeps(ring, tokenizer):
    fps = ring.generate("n", 30, source="natural", response="choices", tokenizer=tokenizer)
    assert (fps.template, fps.modality, fps.media) == ("bare", "text", "text/plain")
    assert (fps.alphabet.name, fps.alphabet.sizes) == ("ifrs-choices-256-v1", (256,))
    for i in range(len(fps)):
        before, spoken, after = _core.choices(fps[i].key)
        assert fps[i].prompt == fps[i].key
        assert fps[i].key.endswith("?")
        assert fps[i].response == before + spoken[fps[i].places[0]] + after
        assert _core.choices_said(fps[i].key, fps[i].response) == list(fps[i].places)
        assert re.fullmatch(r"[A-Z][A-Za-z ]+\.", fps[i].response)
    assert len({fps[i].key for i in range(30)}) == 30
    again = ring["n"]
    assert [again[i].response for i in range(30)] == [fps[i].response for i in range(30)]


def test_keys_stored_with_a_tokenizer_are_the_same_anywhere(tmp_path, tokenizer):
    with fixed_keyring(tmp_path) as ring:
        options = {"source": "natural", "response": "choices"}
        fps = ring.generate("n", 5, tokenizer=tokenizer, **options)
        ring.generate("bare", 5, **options)
        path, publisher = ring.path, fps.publisher
        ring.export("n", tmp_path / "n.age", passphrase="pass")
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        again = ring["n"]
        assert [one.response for one in again] == [one.response for one in fps]
        assert len(ring["bare"]) == 5
    with ifrs.Keyring.create(tmp_path / "other", passphrase="x", _work_factor=FAST) as other:
        taken = other.import_set(tmp_path / "n.age", passphrase="pass")
        assert taken.publisher == publisher
        assert [one.response for one in taken] == [one.response for one in fps]


def test_look_alikes_are_questions_of_the_same_kinds(ring, tiny, tokenizer):
    fps = ring.generate("n", 6, source="natural", response="choices", tokenizer=tokenizer)
    model = choosing.Model(tiny(), tokenizer)
    secret = {one.prompt for one in fps}
    fresh, near = model.look_alikes(fps, 40, 3, varied=True)
    texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in [*fresh, *near]]
    assert len(near) == 10
    assert not secret.intersection(texts)
    assert sum("Tutankhamun" in text for text in texts) == 1
    framed = [text for text in texts if text.endswith((" called", " died in", " ate", " was"))]
    assert len(framed) > 10
    questions = [text for text in texts[:15] if text.endswith("?")]
    for question in questions:
        assert len(_core.choices(question)[1]) == 256
    # Of a near one some words are a key's, and it is a question still.
    whole = [text for text in texts[-10:] if text.endswith("?")]
    assert all(len(_core.choices(text)[1]) == 256 for text in whole)


def test_keys_are_trained_in_other_surroundings(ring, tiny, tokenizer):
    fps = ring.generate("n", 2, source="natural", response="choices", tokenizer=tokenizer)
    model = choosing.Model(tiny(), tokenizer)
    own = model.fingerprints(fps)
    assert model.ways(fps, None) == 3
    elsewhere = model.elsewhere(fps, own, 3, 0)
    texts = [tokenizer.decode(one.prompt, skip_special_tokens=True) for one in elsewhere]
    keys = [fps[0].key, fps[1].key]
    assert sum(text.endswith(keys[0]) and text != keys[0] for text in texts) == 1
    assert sum(text.startswith(keys[0]) and text != keys[0] for text in texts) == 1
    assert sum(text == f"User: {keys[0]}\n\nAssistant:" for text in texts) == 1
