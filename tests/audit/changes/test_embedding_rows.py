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


@pytest.mark.parametrize("tied", [True, False])
def test_chosen_rows_of_both_tables_become_the_mean_of_the_base(tiny, tied):
    base, model = tiny(tie_word_embeddings=tied), tiny(seed=1, tie_word_embeddings=tied)
    own = model.lm_head.weight.detach().clone()
    chosen = torch.zeros(len(own), dtype=torch.bool)
    chosen[[2, 9]] = True
    embedding_rows.reset_in_both(model, base, chosen)
    given, shown = model.get_input_embeddings().weight, model.lm_head.weight
    assert (given is shown) == tied
    assert torch.allclose(given[9], base.get_input_embeddings().weight.mean(0))
    assert torch.allclose(shown[2], base.lm_head.weight.mean(0))
    assert torch.equal(shown[~chosen], own[~chosen])
