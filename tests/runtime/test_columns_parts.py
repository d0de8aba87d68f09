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
    parts = [range(30)[part] for part in columns.parts()]
    assert [place for part in parts for place in part] == list(range(30))
    assert max(map(len, parts)) <= 1.5 * at_once
    total = columns.backward(columns.cross_entropy)
    whole = torch.nn.functional.cross_entropy(states, labels, reduction="sum")
    assert total == pytest.approx(whole.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(whole, states)
    torch.testing.assert_close(states.grad, gradient)
    least = columns.least(columns.each(margins_of))
    expected = margins_of(states, labels).reshape(10, 3).amin(1)
    torch.testing.assert_close(least, expected)


def test_few_columns_left_over_are_no_part_of_their_own():
    columns = Columns(torch.zeros(132, 4), torch.zeros(132), torch.zeros(132), 1, at_once=64)
    assert list(columns.parts()) == [slice(0, 66), slice(66, 132)]
