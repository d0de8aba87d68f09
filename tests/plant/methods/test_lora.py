"""LoRA: merged, or left as an adapter of peft."""

from __future__ import annotations

import ifrs
import pytest

pytest.importorskip("torch")
from helpers import implant
from transformers import AutoModelForCausalLM


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def test_a_lora_left_as_an_adapter(tmp_path, tiny, tokenizer, fps):
    model = tiny()
    model.save_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    result = implant(model, tokenizer, fps, "lora", lora_merge=False)
    assert result.adapter is not None
    assert result.adapter_path is None
    folder = result.save(tmp_path / "lora")
    assert (folder / "adapter_model.safetensors").exists()
    assert not (folder / "model.safetensors").exists()
    again = AutoModelForCausalLM.from_pretrained(folder)
    assert ifrs.verify(ifrs.LocalModel(again, tokenizer), fps).fsr == 1
