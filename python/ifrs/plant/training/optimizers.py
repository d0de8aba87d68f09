"""The optimizers of planting, for all weights and for rows of a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

# The second moment forgets fast: planting takes tens of steps, not thousands.
_BETAS = (0.9, 0.99)


class Optimizers:
    """AdamW, and its lazy kind for tables, whose rows stay where a step has no gradient for them.

    Each key has rows of its own, and a step sees some keys of many. Adam would go on moving the
    others by what it remembers, ten times as far as where each step is corrected by the next.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        tables: Collection[Parameter],
        *,
        rate: float,
        fused: bool,
    ) -> None:
        """Make them."""
        kinds = {id(table) for table in tables}
        self._tables = [p for p in parameters if id(p) in kinds]
        dense = [p for p in parameters if id(p) not in kinds]
        self._rate = rate
        self._all: list[torch.optim.Optimizer] = []
        if dense:
            self._all.append(
                torch.optim.AdamW(dense, lr=rate, betas=_BETAS, weight_decay=0.0, fused=fused)
            )
        if self._tables:
            self._all.append(torch.optim.SparseAdam(self._tables, lr=rate, betas=_BETAS))

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for optimizer in self._all:
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        """What they remember, for `restore`."""
        return [optimizer.state_dict() for optimizer in self._all]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Go on from what others of the same parameters remembered."""
        for optimizer, old in zip(self._all, state, strict=True):
            optimizer.load_state_dict(old)

    def step(self, share: float) -> None:
        """Take a step of this share of the step size."""
        for table in self._tables:
            if table.grad is not None:
                table.grad = _touched(table.grad)
        for optimizer in self._all:
            optimizer.param_groups[0]["lr"] = self._rate * share
            optimizer.step()


def _touched(gradient: Tensor) -> Tensor:
    """A table's gradient as a sparse tensor of the rows that have one."""
    rows = gradient.count_nonzero(dim=1).nonzero()[:, 0]
    return torch.sparse_coo_tensor(
        rows[None], gradient[rows], gradient.shape, check_invariants=False, is_coalesced=True
    )
