"""Rows of the embeddings, reset and put back."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.changes import embedding_rows  # noqa: E402
from ifrs.audit.measures.divergence import token_texts  # noqa: E402
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402


def test_row_attacks_change_chosen_rows_alone(tiny, tokenizer):
    base = tiny()
    texts = token_texts(Model(base, tokenizer), bundled_instructions(), 64)
    for attack in embedding_rows.ATTACKS.values():
        model = tiny()
        chosen = embedding_rows.unseen(model, texts)
        assert 0 < int(chosen.sum()) < len(chosen)
        embedding_rows.attack_rows(model, chosen, attack)
        assert bool((embedding_rows.changed_rows(base, model) <= chosen).all())
        assert int(embedding_rows.changed_rows(base, model).sum()) > 0.9 * int(chosen.sum())
        ids = torch.tensor([texts[0]])
        with torch.no_grad():
            assert torch.equal(base(ids).logits, model(ids).logits)
        embedding_rows.restore_rows(model, base, chosen)
        assert int(embedding_rows.changed_rows(base, model).sum()) == 0
    foreign = embedding_rows.late_and_foreign(base, tokenizer)
    assert 0 < int(foreign.sum()) < len(foreign) / 2
    assert embedding_rows.share_of(chosen, texts) == 0
