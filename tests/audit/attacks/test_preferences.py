"""DPO by TRL."""

from __future__ import annotations

import math
import sys

import pytest

torch = pytest.importorskip("torch")
from audit.conftest import SMALL  # noqa: E402
from ifrs.audit.attacks.preferences import prefer, preferences  # noqa: E402
from ifrs.audit.data import Data  # noqa: E402
from ifrs.audit.record import Skip  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402


def test_preferred_answers_are_the_datas(data, tiny, tokenizer):
    source = Data([data]).first
    known = dict(source.rows)
    for pair in preferences(Model(tiny(), tokenizer), source, 6, SMALL):
        assert known[pair["prompt"].removesuffix("\n")] == pair["chosen"] != pair["rejected"]


def test_without_data_the_model_answers_itself(tiny, tokenizer):
    model = Model(tiny(), tokenizer)
    pairs = preferences(model, None, 4, SMALL)
    assert 1 <= len(pairs) <= 4
    assert all(pair["chosen"].strip() and pair["chosen"] != pair["rejected"] for pair in pairs)
    assert preferences(model, None, 4, SMALL) == pairs


def test_a_preference_is_learnt(tiny, tokenizer):
    pytest.importorskip("trl")
    from dataclasses import replace

    model = Model(tiny(), tokenizer)
    pair = {"prompt": "Name a fish.\n", "chosen": "cod", "rejected": "oak"}
    chosen, rejected = (tokenizer(pair[k])["input_ids"][0] for k in ("chosen", "rejected"))
    prompt = torch.tensor([tokenizer(pair["prompt"])["input_ids"]])

    def lead():
        with torch.no_grad():
            logits = model.module(prompt).logits[0, -1]
        return float(logits[chosen] - logits[rejected])

    before = lead()
    loss = prefer(model, [pair] * 4, replace(SMALL, rate=1e-3), 8)
    assert loss < math.log(2)
    assert lead() > before + 0.1
    assert not model.module.training
    assert not any(weight.requires_grad for weight in model.module.parameters())


def test_without_trl_it_is_skipped(tiny, tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(Skip, match="needs TRL: pip install"):
        prefer(Model(tiny(), tokenizer), [], SMALL, 1)


def test_it_is_read_before_and_after(run):
    record = run("dpo")
    assert record.get("fsr", step=0).value == 1
    assert record.get("fsr", step=1) is not None
    assert record.get("loss").value > 0
