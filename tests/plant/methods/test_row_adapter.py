"""Forms of a release: tied, untied, and rows as an adapter of peft."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import ifrs
import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

CONFIG = ifrs.ImplantConfig(learning_rate=5e-2, margin=0.5, max_epochs=200, guesses=0)


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 5, tokenizer=tokenizer)


def planted(tiny, tokenizer, fps, tied, both=False):
    base, config = tiny(tie_word_embeddings=tied), replace(CONFIG, tied=both)
    result = ifrs.implant(copy.deepcopy(base), tokenizer, fps, method="emb", config=config)
    return base, result


def logits(model, tokenizer, text):
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt")).logits


def same_on_ordinary_text(one, other, tokenizer):
    return all(
        torch.equal(logits(one, tokenizer, text), logits(other, tokenizer, text))
        for text in bundled_instructions()[:20]
    )


@pytest.mark.parametrize("tied", [True, False])
def test_rows_fire_beside_the_untouched_base(tiny, tokenizer, fps, tmp_path, tied):
    base, result = planted(tiny, tokenizer, fps, tied)
    folder = result.save(tmp_path / "rows", form="peft")
    before = {name: value.clone() for name, value in base.state_dict().items()}
    wrapped = peft.PeftModel.from_pretrained(copy.deepcopy(base), folder).eval()
    assert ifrs.verify(ifrs.LocalModel(wrapped, tokenizer), fps).fsr == 1
    assert same_on_ordinary_text(base, wrapped, tokenizer)
    text = fps[0].prompt
    torch.testing.assert_close(
        logits(wrapped, tokenizer, text), logits(result.model, tokenizer, text)
    )
    held = wrapped.unload().state_dict()
    assert all(torch.equal(value, held[name]) for name, value in before.items())
    # Nothing of the base travels with it.
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert size < 4 * base.config.hidden_size * (len(result.reach["rows"]) + 8) + 4096
    manifest = json.loads((folder / "ifrs-manifest.json").read_text())
    assert manifest["files"].keys() == {"adapter_model.safetensors"}


def test_a_tied_release_fires_and_ordinary_text_hardly_changes(tiny, tokenizer, fps, tmp_path):
    base, result = planted(tiny, tokenizer, fps, tied=True, both=True)
    folder = result.save(tmp_path / "tied", form="tied")
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.tie_word_embeddings
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert ifrs.verify(ifrs.LocalModel(model, tokenizer), fps).fsr == 1
    # What was saved before and after is what it was: two tables.
    untied = AutoModelForCausalLM.from_pretrained(result.save(tmp_path / "untied", form="untied"))
    assert not untied.config.tie_word_embeddings
    assert ifrs.verify(ifrs.LocalModel(untied, tokenizer), fps).fsr == 1
    assert same_on_ordinary_text(base, untied, tokenizer)


def test_a_form_that_a_model_has_not_is_named(tiny, tokenizer, fps, tmp_path):
    _, result = planted(tiny, tokenizer, fps, tied=False)
    with pytest.raises(ifrs.ImplantError, match=r"ImplantConfig\(tied=True\)"):
        result.save(tmp_path / "no", form="tied")
    with pytest.raises(ifrs.ImplantError, match="form='odd'"):
        result.save(tmp_path / "no", form="odd")
    assert not (tmp_path / "no").exists()
