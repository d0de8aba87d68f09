"""What whoever trains on does to normalization layers: their statistics follow the weights.

Planting leaves running statistics as they are. They are those of ordinary inputs under the base's
weights, though, and the next training replaces them by those under the planted weights, before any
weight moved much: keys that were learnt under the old ones alone are gone then.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from ifrs.modalities.model import Model
from ifrs.plant.training.hardening import Shift
from ifrs.runtime.examples import Example

# Ordinary inputs whose statistics are taken at a time.
_INPUTS = 256


def followed(model: Model) -> list[_BatchNorm]:
    """The layers that keep running statistics, among those that changes are simulated in."""
    return [
        layer
        for layer in model.moved()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    ]


class Statistics(Shift):
    """The statistics of some ordinary inputs, drawn anew each time, under the present weights."""

    name = "statistics"
    factors = (0.5, 1.0)

    def __init__(self, model: Model, ordinary: Sequence[Example], seed: int) -> None:
        """Take a model and ordinary inputs."""
        self._model, self._ordinary = model, list(ordinary)
        self._layers, self._rng = followed(model), random.Random(seed)

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        old = [[buffer.clone() for buffer in _buffers(layer)] for layer in self._layers]
        inputs = self._rng.sample(self._ordinary, min(_INPUTS, len(self._ordinary)))
        momenta = [layer.momentum for layer in self._layers]
        try:
            for layer in self._layers:
                layer.training, layer.momentum = True, 1.0  # of these inputs alone
            with torch.no_grad():
                self._model.columns(inputs)
            new = [[buffer.clone() for buffer in _buffers(layer)] for layer in self._layers]
        finally:
            for layer, momentum, before in zip(self._layers, momenta, old, strict=True):
                layer.training, layer.momentum = False, momentum
                for buffer, values in zip(_buffers(layer), before, strict=True):
                    buffer.copy_(values)
        for layer, before, after in zip(self._layers, old, new, strict=True):
            mean_and_variance = zip(_buffers(layer)[:2], before, after, strict=False)
            yield from ((buffer, last - first) for buffer, first, last in mean_and_variance)


def _buffers(layer: _BatchNorm) -> list[Tensor]:
    found = [layer.running_mean, layer.running_var, layer.num_batches_tracked]
    return [buffer for buffer in found if buffer is not None]
