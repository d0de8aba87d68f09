"""A downstream tuner."""

from __future__ import annotations

import pytest
from audit.conftest import SMALL

pytest.importorskip("torch")
from ifrs.audit.changes.tuning import encoded, marks, tune
from ifrs.modalities.text.model import Model


def test_tuning_learns_and_is_repeatable(tiny, tokenizer):
    examples = encoded(tokenizer, [("Say cod.", " cod"), ("Say eel.", " eel")], 32)
    assert examples[0].response[-1] == tokenizer.eos_token_id
    for lora in (False, True):
        runs = []
        for _ in range(2):
            losses, model = [], tiny()
            tune(
                Model(model, tokenizer),
                examples,
                SMALL,
                steps=12,
                rate=1e-2,
                lora=lora,
                report=lambda step, loss, seen=losses: seen.append((step, loss)),
                at=[4],
            )
            runs.append((losses, model.model.norm.weight.sum().item()))
        assert runs[0] == runs[1]
        assert [step for step, _ in runs[0][0]] == [4, 12]
        assert runs[0][0][1][1] < runs[0][0][0][1]
        assert type(model).__name__ == "LlamaForCausalLM"
        assert not any("lora" in name for name, _ in model.named_parameters())


def test_marks():
    assert marks(SMALL, 100) == [50, 100]
    assert marks(SMALL, 1) == [1]
