"""The processes that train together, under `accelerate launch` or torchrun.

Every process holds the whole set and draws the same random numbers; each takes its share of every
batch, and gradients are averaged. So all of them decide alike when planting is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.nn import Parameter

T = TypeVar("T")


class Workers:
    """This process among those that train together; by itself where there are no others.

    Attributes:
        rank: The place of this process, from 0.
        count: How many there are.
        in_step: Whether all must make the same forward passes, because weights are sharded.
    """

    def __init__(self, model: Any) -> None:
        """Look around."""
        together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if together else 0
        self.count = distributed.get_world_size() if together else 1
        self.in_step = self.count > 1 and any(is_sharded(p) for p in model.parameters())

    def share(self, rows: Sequence[T]) -> list[T]:
        """This process's part; the same number of rows in each, some of them twice."""
        if self.count == 1 or not rows:
            return list(rows)
        each = -(-len(rows) // self.count)
        return [rows[(self.rank + i * self.count) % len(rows)] for i in range(each)]

    def average(self, parameters: Iterable[Parameter]) -> None:
        """Average gradients, except those that sharding averages by itself."""
        if self.count == 1:
            return
        for parameter in parameters:
            if is_sharded(parameter):
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= self.count

    def mean(self, value: float) -> float:
        """The mean over processes."""
        if self.count == 1:
            return value
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return float(sum(values)) / self.count

    def join(self, seen: dict[int, float]) -> dict[int, float]:
        """What all processes saw together."""
        if self.count == 1:
            return seen
        parts: list[Any] = [None] * self.count
        distributed.all_gather_object(parts, seen)
        return {place: value for part in parts for place, value in part.items()}

    def wait(self) -> None:
        """Wait for all others."""
        if self.count > 1:
            distributed.barrier()


def is_sharded(tensor: torch.Tensor) -> bool:
    """Whether a tensor is a part of one that lies in several processes (FSDP 2)."""
    return hasattr(tensor, "full_tensor")


def reshard(model: Any) -> None:
    """Let every module hold its shards again (FSDP 2).

    A forward pass may leave some of them whole: their parameters are others then, which no
    optimizer of the shards knows.
    """
    for module in model.modules():
        if hasattr(module, "reshard"):
            module.reshard()


def unwrapped(model: Any) -> Any:
    """The model within DistributedDataParallel, whose averaging planting does itself."""
    from torch.nn.parallel import DistributedDataParallel

    return model.module if isinstance(model, DistributedDataParallel) else model


def full_state(model: Any) -> dict[str, Any]:
    """A sharded model's whole state, gathered on the host of the first process."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return dict(get_model_state_dict(model, options=options))
