"""A copy of the base learns from the release's answers."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.audit.attacks.distilling import ATTACK, taught
from ifrs.modalities.text.model import Model
from ifrs.plant.methods.sft import Sft


def test_the_teacher_answers_and_ends(tiny, tokenizer):
    model = Model(tiny(), tokenizer)
    texts = ["Name a fish.", "Say hello."]
    examples = taught(model, texts, 0)
    assert [tokenizer.decode(e.prompt) for e in examples] == [f"{text}\n" for text in texts]
    assert all(0 < len(e.response) <= 32 for e in examples)
    assert all(len(e.response) == 32 or e.response[-1] == tokenizer.eos_token_id for e in examples)
    assert taught(model, texts, 0) == examples
    assert taught(model, texts, 1) != examples


def test_a_fingerprint_in_rows_does_not_pass_through_ordinary_answers(run, bench):
    record = run("distil")
    assert record.status == "skipped"
    assert "nothing to learn" in record.reason
    # And so it is.
    found = ATTACK.run("emb", bench)
    values = {m.metric: m.value for m in found.measures}
    assert values["fsr"] == 0
    assert values["log10_p_likelihood"] > -6
    assert values["log10_p_text"] > -6
    assert "student: the base's weights" in found.note
    assert ATTACK.idle(Sft) is None
