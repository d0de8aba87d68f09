"""Planted input rows, read as output rows."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
import ifrs  # noqa: E402
from ifrs.plant.methods.emb import Emb  # noqa: E402
from ifrs.plant.methods.outputs import Outputs  # noqa: E402
from torch import nn  # noqa: E402

CONFIG = ifrs.ImplantConfig(learning_rate=5e-2, margin=0.5, max_epochs=200, guesses=0, tied=True)
ROWS = torch.tensor([3, 17])


@pytest.fixture
def head():
    torch.manual_seed(0)
    return nn.Linear(16, 40, bias=False).requires_grad_(False)


def outputs(head, given):
    states = torch.randn(500, 16, generator=torch.Generator().manual_seed(1))
    return Outputs(head, ROWS, lambda: given, states, seed=0)


def test_logits_of_planted_tokens_are_those_of_the_planted_rows(head):
    given = torch.randn(2, 16, requires_grad=True)
    states, plain = torch.randn(5, 16), head(torch.zeros(5, 16))
    plain = head(states)
    made = outputs(head, given)
    tied = head(states)
    torch.testing.assert_close(tied[:, ROWS], states @ given.T)
    others = [token for token in range(40) if token not in ROWS.tolist()]
    assert torch.equal(tied[:, others], plain[:, others])
    tied[:, ROWS].sum().backward()
    assert given.grad.abs().sum() > 0
    # States that a model is asked for without logits are left alone.
    assert made._put(head, (states,), states) is states
    made.close()
    assert torch.equal(head(states), plain)


def test_rows_that_come_up_are_held_down(head):
    # As if the head told tokens apart by tens of nats, as trained ones do.
    head.weight *= 40
    own = head.weight[ROWS].clone()
    given = (
        own + 3 * torch.randn(2, 16, generator=torch.Generator().manual_seed(2))
    ).requires_grad_()
    made = outputs(head, given)
    before = made.served()
    assert not made.holds()
    optimizer = torch.optim.Adam([given], lr=0.02)
    first = made.hold()
    for _ in range(400):
        optimizer.zero_grad()
        made.hold()
        optimizer.step()
    after = made.served()
    assert made.hold() < first / 10
    assert after.kl < before.kl
    assert after.changed <= before.changed
    assert after.states == 100


def test_the_bases_own_rows_hold(head):
    made = outputs(head, head.weight[ROWS].clone().requires_grad_())
    assert made.holds()
    assert made.hold() < 1e-3
    assert (made.served().kl, made.served().changed) == (pytest.approx(0, abs=1e-6), 0)


def test_planting_holds_ordinary_text_where_tables_are_read_as_one(
    tiny, tokenizer, ring, monkeypatch
):
    fps = ring.generate("one", 5, tokenizer=tokenizer)

    def read_as_tied():
        result = ifrs.implant(tiny(), tokenizer, fps, method="emb", config=CONFIG)
        return result.reach["tied"]["kl"]

    held = read_as_tied()
    monkeypatch.setattr(Emb, "hold", lambda self: 0.0)
    monkeypatch.setattr(Emb, "holds", lambda self: True)
    assert held < read_as_tied()
