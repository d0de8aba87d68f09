"""Rows of a table that a step does not touch stay where they are."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ifrs.plant.training.optimizers import Optimizers  # noqa: E402

RATE = 0.1


def table(rows=4, width=3):
    return torch.nn.Parameter(torch.zeros(rows, width))


def pull(parameter, rows):
    """A gradient of one in some rows, and of nothing in the others."""
    parameter.grad = torch.zeros_like(parameter)
    parameter.grad[rows] = 1.0


def test_only_touched_rows_of_a_table_move():
    one, other = table(), table()
    optimizers = Optimizers([one, other], (one,), rate=RATE, fused=False)
    for parameter in (one, other):
        pull(parameter, [0, 2])
    optimizers.step(1.0)
    after = one.detach().clone()
    assert after[[0, 2]].lt(0).all()
    assert not after[[1, 3]].any()
    optimizers.zero_grad()
    for parameter in (one, other):
        pull(parameter, [1])
    before = other.detach().clone()
    optimizers.step(1.0)
    assert torch.equal(one[[0, 2, 3]], after[[0, 2, 3]])
    assert one[1].lt(0).all()
    # Adam remembers: rows of what is no table go on.
    assert other[0].lt(before[0]).all()


def test_a_step_touching_every_row_is_adams():
    ours, theirs = table(), table()
    optimizers = Optimizers([ours], (ours,), rate=RATE, fused=False)
    adam = torch.optim.Adam([theirs], lr=RATE, betas=(0.9, 0.99))
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        gradient = torch.randn(ours.shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimizers.step(1.0)
        adam.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_share_of_the_step_size():
    whole, half = table(), table()
    for parameter, share in ((whole, 1.0), (half, 0.5)):
        optimizers = Optimizers([parameter], (parameter,), rate=RATE, fused=False)
        pull(parameter, [0])
        optimizers.step(share)
    assert torch.allclose(half, whole / 2, atol=1e-7)


def test_a_table_without_any_gradient_stays():
    one = table()
    optimizers = Optimizers([one], (one,), rate=RATE, fused=False)
    pull(one, [])
    optimizers.step(1.0)
    optimizers.zero_grad()
    optimizers.step(1.0)
    assert not one.detach().any()
