"""Training through what others will do to the weights (first-order look-ahead).

Keys are learnt where a change of the weights led, by gradients that are applied to the weights
without it, and planting ends only when they hold at both places. The change is either noise, for
pruning, rounding and tuning of whatever sort, or what a downstream tuner does.

A tuner is simulated once, for a few steps of AdamW on all weights. Where it led is then added to
the weights in every second step of planting, times a random factor, while gradients are taken for
the weights without it: planting learns responses that hold at both places, and ends only when they
do. Ordinary text is held at the base without it.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.modalities.model import Model
from ifrs.plant.methods.method import Frozen
from ifrs.runtime.examples import Example
from ifrs.runtime.precision import Wanted, arithmetic

_BATCH = 8
# The share of the margin under a change that is the whole of what is done.
WHOLE = 1 / 3


class Shift(ABC):
    """A change of the weights that keys must bear.

    Attributes:
        name: What it stands for.
        factors: Least and most of the change that is trained through; 1 is what is checked.
        share: Of the wanted margin, what keys must have under it. All of it where the change stands
            for longer ones, as some steps of a tuner do; less where it is all that is done.
    """

    name: str
    factors: ClassVar[tuple[float, float]]
    share: ClassVar[float] = 1.0

    @abstractmethod
    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Weights or buffers, each with what is added to it; one may come more than once."""

    @contextmanager
    def applied(self, factor: float) -> Iterator[None]:
        """The model with its weights moved by `factor` times the change, within the context."""
        before = []
        try:
            for weight, change in self.changes():
                before.append((weight, weight.data))
                weight.data = weight.data + factor * change.to(weight.device, weight.dtype)
            yield
        finally:
            # The tensors themselves, not a subtraction: nothing is rounded.
            for weight, data in reversed(before):
                weight.data = data


class Drift(Shift):
    """How far each weight moved under a simulated tuner."""

    factors = (0.5, 1.5)

    def __init__(self, moved: list[tuple[Parameter, Tensor]], name: str = "tuning") -> None:
        """Take weights, and what the tuner added to each."""
        self._moved, self.name = moved, name

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from self._moved


class Noise(Shift):
    """Gaussian noise on every matrix and kernel, drawn anew each time.

    Its standard deviation is a share of the spread of each layer's weights.
    """

    name = "noise"
    factors = (0.0, 1.5)

    def __init__(self, modules: Sequence[Any], share: float, seed: int) -> None:
        """Take modules, each for its own weights; what is trained may lie among them or beside."""
        found = {id(p): p for module in modules for p in module.parameters(recurse=False)}
        self._weights = [p for p in found.values() if p.ndim > 1 and p.is_floating_point()]
        self._share, self._rng = share, torch.Generator().manual_seed(seed)

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        for weight in self._weights:
            drawn = torch.randn(weight.shape, generator=self._rng).to(weight.device, weight.dtype)
            yield weight, drawn.mul_(self._share * weight.detach().std())


class Rounding(Shift):
    """What saving does to weights that are trained in a wider type than they are saved in.

    Of the others, only those change that somebody tuned since they were loaded.
    """

    name = "saving"
    factors = (1.0, 1.0)

    def __init__(self, module: Any, types: Mapping[str, torch.dtype]) -> None:
        """Take a module, and the types that weights are saved in, by name."""
        named = module.named_parameters()
        self._weights = [(weight, types[name]) for name, weight in named if name in types]
        self._tuned = {
            id(weight)
            for weight, kind in self._weights
            if not torch.equal(weight.to(kind).to(weight.dtype), weight)
        }

    def changes(self) -> Iterator[tuple[Tensor, Tensor]]:
        for weight, kind in self._weights:
            if weight.requires_grad or id(weight) in self._tuned:
                yield weight, weight.detach().to(kind).to(weight.dtype) - weight.detach()


def simulate_tuner(
    model: Model, examples: Sequence[Example], *, steps: int, rate: float, seed: int
) -> Drift:
    """Tune all weights for some steps, and take them back to where they were."""
    return Drift(simulate_tuning(model, [(examples, steps)], rate=rate, seed=seed))


def simulate_tuning(
    model: Model, stages: Sequence[tuple[Sequence[Example], int]], *, rate: float, seed: int
) -> list[tuple[Parameter, Tensor]]:
    """How far each weight moves in some stages of tuning, each of examples and steps.

    The weights are taken back to where they were.
    """
    frozen, rng = Frozen(model.module), random.Random(seed)
    weights = [p for p in model.module.parameters() if p.is_floating_point()]
    before = [weight.data for weight in weights]
    try:
        for weight in weights:
            weight.data = weight.data.clone()
            weight.requires_grad_(True)
        optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0, foreach=False)
        for examples, steps in stages:
            for _ in range(steps):
                tuner_step(model, rng.sample(list(examples), min(_BATCH, len(examples))), optimizer)
        return [
            (weight, (weight.data - old).to(torch.bfloat16))
            for weight, old in zip(weights, before, strict=True)
        ]
    finally:
        for weight, old in zip(weights, before, strict=True):
            weight.data = old
        frozen.restore()


def tuner_step(
    model: Model,
    batch: Sequence[Example],
    optimizer: torch.optim.Optimizer,
    *,
    size: int | None = None,
    dtype: Wanted = "float32",
) -> float:
    """One step of a downstream tuner; the mean loss of a response's part before it, in nats."""
    parts, loss = sum(len(example.response) for example in batch), 0.0
    passes = [list(range(len(batch)))] if size is None else model.batches(batch, size)
    with arithmetic(model.module, dtype):  # once for all passes: it copies weights
        for places in passes:
            columns = model.columns([batch[i] for i in places])
            loss += columns.backward(partial(columns.cross_entropy, weight=1 / parts))
    torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss
