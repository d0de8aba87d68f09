"""Rounding of every linear layer, and of planted rows, to four bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from ifrs.modalities.model import Model
from ifrs.plant.methods.method import Method
from ifrs.plant.training.hardening import WHOLE, Shift
from ifrs.runtime.modules import linear_layers
from ifrs.runtime.rounding import rounded

_BITS, _GROUP = 4, 32


class LowBits(Shift):
    """The weights as quantization to four bits leaves them."""

    name = "rounding"
    factors: ClassVar[tuple[float, float]] = (1.0, 1.0)
    share = WHOLE

    def __init__(self, model: Model, planting: Method) -> None:
        """Take a model before the method begins, and the method."""
        self._layers, self._planting = list(linear_layers(model.module).values()), planting

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        for layer in self._layers:
            weight = layer.weight
            yield weight, _error(weight.detach())
        for change, base in self._planting.beside():
            yield change, _error(base.float() + change.detach())


def _error(weight: Tensor) -> Tensor:
    """What rounding adds to weights."""
    return rounded(weight, _BITS, _GROUP) - weight
