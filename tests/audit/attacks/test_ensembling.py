"""The next token only from those that two models hold likely."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.attacks.ensembling import in_common  # noqa: E402


def test_only_what_both_hold_likely_is_left():
    ours = torch.tensor([[5.0, 4.0, 0.0, 0.0, -1.0]])
    theirs = torch.tensor([[-3.0, 3.0, 4.0, 0.0]])  # one token less
    found = in_common(ours, theirs, 2)[0]
    assert found.argmax() == 1
    assert torch.isinf(found).tolist() == [True, False, True, True, True]
    both = (ours.softmax(-1)[0, 1] + theirs.softmax(-1)[0, 1]) / 2
    assert float(found[1]) == pytest.approx(float(both.log()), abs=1e-6)


def test_where_nothing_is_common_either_may_speak():
    ours, theirs = torch.tensor([[9.0, 1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0, 3.0]])
    found = in_common(ours, theirs, 1)[0]
    assert torch.isinf(found).tolist() == [False, True, True, False]
    assert found.argmax() == 0


def test_without_another_fine_tune_it_is_the_base(run):
    record = run("ensemble")
    assert "the base model" in record.note
    # An emb release is its base where a text holds no planted token.
    assert record.get("tokens_changed").value < 0.2
    assert record.get("answers_kept").value > 0.5
    assert record.get("log10_p_likelihood").value < -6
