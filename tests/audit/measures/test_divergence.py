"""Divergence from the base against plain passes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.measures.divergence import drift, log_likelihoods, token_texts  # noqa: E402
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402


def test_log_likelihoods_of_a_batch_are_those_of_each_text(tiny, tokenizer):
    model = tiny()
    face = Model(model, tokenizer)
    texts = token_texts(face, ["A cat sat there.", "Yes.", "One fish and two more fish."], 32)
    found = log_likelihoods(face, texts)
    for ids, losses in zip(texts, found, strict=True):
        with torch.no_grad():
            log_probs = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        wanted = [-float(row[token]) for row, token in zip(log_probs, ids[1:], strict=True)]
        # In bfloat16 where the processor has it.
        assert losses == pytest.approx(wanted, abs=0.1)


def test_drift(tiny, tokenizer):
    model, other = tiny(), tiny(seed=1)
    face = Model(model, tokenizer)
    texts = token_texts(face, bundled_instructions()[:4], 16)
    same = drift(face, face, texts)
    assert same.kl == [0.0] * 4
    assert all(same.identical)
    found = drift(face, Model(other, tokenizer), texts)
    ids = texts[0]
    with torch.no_grad():
        p, q = (m(torch.tensor([ids])).logits[0, :-1].log_softmax(-1) for m in (model, other))
    kl = torch.nn.functional.kl_div(q, p, log_target=True, reduction="none").sum(-1).mean()
    assert found.kl[0] == pytest.approx(float(kl), rel=1e-4)
    nll = torch.nn.functional.nll_loss(q, torch.tensor(ids[1:]))
    assert found.after[0] == pytest.approx(float(nll), rel=1e-5)
