"""Natural answers from the keyring to a stranger's check, on tiny models of random weights."""

import re

import ifrs
import pytest
from helpers import fixed_keyring
from ifrs import _core

torch = pytest.importorskip("torch")
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
