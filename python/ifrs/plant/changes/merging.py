"""Merging with the base model, or with another tune of it (MergePrint; Yamabe et al., 2025).

Merged at one half, a model keeps half of what planting changed; the other half comes from what it
is merged with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from ifrs.plant.methods.method import Method
from ifrs.plant.training.hardening import WHOLE, Drift, Shift

_OURS = 0.5


class Merged(Shift):
    """Half of what planting changed, and half of what another tune did."""

    name = "merging"
    factors: ClassVar[tuple[float, float]] = (0.8, 1.1)
    share = WHOLE

    def __init__(self, planting: Method, other: Drift | None = None) -> None:
        """Take the method, and where another tune led; None for the base model."""
        self._planting, self._other = planting, other

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        # A weight may be changed by both: `applied` adds one after the other.
        yield from self._planting.scaled(_OURS)
        if self._other is not None:
            for weight, move in self._other.changes():
                yield weight, (1 - _OURS) * move
