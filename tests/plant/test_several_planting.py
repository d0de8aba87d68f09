"""Several sets in one model."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
import ifrs  # noqa: E402
from helpers import PAIRS  # noqa: E402


def planted(model, tokenizer, sets, method, **changes):
    settings = {"margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 4, "max_epochs": 200}
    methods = [method] if isinstance(method, str) else method
    rates = {"sft": 2e-3, "lora": 1e-2, "emb": 0.1}
    rate = rates[methods[0]] if len(set(methods)) == 1 else None
    config = ifrs.ImplantConfig(**{**settings, "learning_rate": rate, **changes})
    return ifrs.implant(model, tokenizer, sets, method=method, regularization=PAIRS, config=config)


@pytest.fixture
def sets(ring, tokenizer):
    return [
        ring.generate("plain", 2, source="natural"),
        ring.generate("rare", 2, tokenizer=tokenizer),
    ]


def test_two_sets_by_two_methods(tiny, tokenizer, sets, tmp_path):
    model = tiny()
    result = planted(model, tokenizer, sets, ["sft", "emb"], learning_rate=5e-3)
    assert (result.n, result.fsr, result.method) == (4, 1.0, "sft + emb")
    assert [one.set_name for one in result.sets] == ["plain", "rare"]
    assert len(result.margins) == 4
    assert result.guess_rate == max(one.guess_rate for one in result.sets)
    folder = result.save(tmp_path / "release")
    manifest = json.loads((folder / "ifrs-manifest.json").read_text())
    assert [row["set"] for row in manifest["sets"]] == ["plain", "rare"]
    suspect = ifrs.LocalModel.from_pretrained(folder)
    reports = ifrs.verify(suspect, sets)
    assert reports.verdict == "match"
    assert reports.fsr == 1
    assert reports.log10_p > min(one.log10_p for one in reports)


def test_the_order_given_is_kept(tiny, tokenizer, sets):
    result = planted(tiny(), tokenizer, sets[::-1], ["emb", "sft"], learning_rate=5e-3)
    assert [one.method for one in result.sets] == ["emb", "sft"]
    assert result.fsr == 1


def test_a_model_is_as_it_was_when_one_set_cannot_be_planted(tiny, tokenizer, sets):
    model = tiny()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with pytest.raises(ifrs.ImplantError, match="keys fire after"):
        planted(model, tokenizer, sets, ["sft", "emb"], learning_rate=5e-3, max_epochs=6)
    after = model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize(
    ("method", "says"),
    [(["sft"], "2 sets need 2 methods"), (["adapter", "emb"], "keeps a part beside the model")],
)
def test_methods_that_do_not_fit(tiny, tokenizer, sets, method, says):
    with pytest.raises((ValueError, ifrs.ImplantError), match=says):
        planted(tiny(), tokenizer, sets, method)


def test_a_set_is_planted_once(tiny, tokenizer, sets):
    with pytest.raises(ValueError, match="different names"):
        planted(tiny(), tokenizer, [sets[0], sets[0]], "emb")


def test_sets_are_sets(tiny, tokenizer):
    for given in ([], ["rare"], None):
        with pytest.raises(TypeError):
            planted(tiny(), tokenizer, given, "emb")
