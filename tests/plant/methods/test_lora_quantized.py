"""LoRA over bases in 8 and 4 bits, as bitsandbytes holds them on any processor."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from architectures import ARCHITECTURES, build  # noqa: E402
from modalities.text.test_model_architectures import PAIRS, SETTINGS, SHARED  # noqa: E402
from transformers import AutoModelForCausalLM, BitsAndBytesConfig  # noqa: E402


@pytest.fixture
def base(tmp_path, tokenizer, monkeypatch):
    """A folder with a model; in 4 bits, weights are held in blocks of 64."""
    monkeypatch.setitem(ARCHITECTURES["llama"][1], "intermediate_size", 128)
    folder = tmp_path / "base"
    build("llama", tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("bits", [8, 4])
def test_lora_over_a_quantized_base(tmp_path, base, tokenizer, ring, bits):
    fps = ring.generate("one", 2, tokenizer=tokenizer)
    model = AutoModelForCausalLM.from_pretrained(
        base,
        quantization_config=BitsAndBytesConfig(load_in_8bit=bits == 8, load_in_4bit=bits == 4),
        device_map="cpu",
    )
    config = ifrs.ImplantConfig(**{**SHARED, **SETTINGS["lora"]})
    result = ifrs.implant(model, tokenizer, fps, method="lora", regularization=PAIRS, config=config)
    assert result.fsr == 1
    folder = result.save(tmp_path / "model")
    assert (folder / "adapter_model.safetensors").exists()
    # The adapter stands over the base in full precision, too.
    report = ifrs.verify(ifrs.LocalModel.from_pretrained(folder), fps)
    assert report.verdict == "match"
    assert ifrs.verify(ifrs.LocalModel(result.model, tokenizer), fps).fsr == 1
