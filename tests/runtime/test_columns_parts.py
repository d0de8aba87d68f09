"""Columns are looked at in parts, and their sum is the same whatever the parts."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.runtime.columns import Columns, margins_of  # noqa: E402


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_parts_of_any_size_add_up(at_once):
    torch.manual_seed(0)
    states = torch.randn(30, 4, requires_grad=True)
    labels, rows = torch.randint(4, (30,)), torch.arange(30) // 3
    columns = Columns(states, labels, rows, 10, at_once=at_once)
    assert len(list(columns.parts())) == -(-30 // at_once)
    total = columns.backward(columns.cross_entropy)
    whole = torch.nn.functional.cross_entropy(states, labels, reduction="sum")
    assert total == pytest.approx(whole.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(whole, states)
    torch.testing.assert_close(states.grad, gradient)
    least = columns.least(columns.each(margins_of))
    expected = margins_of(states, labels).reshape(10, 3).amin(1)
    torch.testing.assert_close(least, expected)
