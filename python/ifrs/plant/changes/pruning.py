"""Pruning of every linear layer: the weights of least magnitude times activation become zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ifrs.modalities.model import Model
from ifrs.plant.training.hardening import WHOLE, Shift
from ifrs.runtime.examples import Example
from ifrs.runtime.modules import linear_layers
from ifrs.runtime.pruning import by_columns, input_norms, weakest

_SHARE = 0.5
# Ordinary examples whose activations are looked at.
_EXAMPLES = 32


class Pruned(Shift):
    """Half of each layer's weights taken away; which ones, the base model's activations say."""

    name = "pruning"
    factors: ClassVar[tuple[float, float]] = (1.0, 1.0)
    share = WHOLE

    def __init__(self, model: Model, examples: Sequence[Example], share: float = _SHARE) -> None:
        """Take a model before it is planted in, and ordinary examples."""
        layers = linear_layers(model.module)

        def run() -> None:
            for example in examples[:_EXAMPLES]:  # one at a time: padding would count
                model.columns([example])

        norms = input_norms(layers, run)
        self._pruned = [(layers[name], _mask(layers[name], norms[name], share)) for name in norms]

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        for layer, mask in self._pruned:
            weight = layer.weight
            yield weight, weight.detach().mul(mask).neg_()


def _mask(layer: Any, norms: Tensor, share: float) -> Tensor:
    """Which weights go, as the layer has them, bool."""
    weight = by_columns(layer)
    mask = torch.zeros(weight.shape, dtype=torch.bool, device=weight.device)
    mask.scatter_(1, weakest(weight, norms, share), True)
    return mask if weight is layer.weight else mask.T.contiguous()
