"""The processes that train together, under `accelerate launch` or torchrun.

Every process holds the whole set and draws the same random numbers; each takes its share of every
batch, and gradients are averaged. So all of them decide alike when planting is done.

Where ZeRO-3 has partitioned the weights every process makes the same passes instead: each pass
gathers all weights, which takes longer than a share of so small a batch saves. What is planted does
not hang on the number of processes then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.nn import Parameter

from ifrs.runtime.partitioned import gathered_state, in_partitions

T = TypeVar("T")


class Workers:
    """This process among those that train together; by itself where there are no others.

    Attributes:
        rank: The place of this process, from 0.
        count: Among how many of them the work is shared.
        in_step: Whether all must make the same forward passes, because weights are sharded.
    """

    def __init__(self, model: Any) -> None:
        """Look around."""
        together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if together else 0
        self._all = distributed.get_world_size() if together else 1
        self._alike = in_partitions(model)
        self.count = 1 if self._alike else self._all
        sharded = self.count > 1 and any(is_sharded(p) for p in model.parameters())
        self.in_step = self._alike or sharded

    def share(self, rows: Sequence[T]) -> list[T]:
        """This process's part; the same number of rows in each, some of them twice."""
        if self.count == 1 or not rows:
            return list(rows)
        each = -(-len(rows) // self.count)
        return [rows[(self.rank + i * self.count) % len(rows)] for i in range(each)]

    def average(self, parameters: Iterable[Parameter]) -> None:
        """Average gradients, except those that sharding averages by itself.

        Where all make the same passes they take those of the first process, because arithmetic on
        an accelerator need not give the same bits twice.
        """
        if self._alike and self._all > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    distributed.broadcast(parameter.grad, 0)
            return
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

    def least(self, value: int) -> int:
        """The least over processes that make the same passes; a process's own elsewhere."""
        if not self._alike or self._all == 1:
            return value
        values: list[Any] = [None] * self._all
        distributed.all_gather_object(values, value)
        return int(min(values))

    def join(self, seen: dict[int, float]) -> dict[int, float]:
        """What all processes saw together."""
        if self.count == 1:
            return seen
        parts: list[Any] = [None] * self.count
        distributed.all_gather_object(parts, seen)
        return {place: value for part in parts for place, value in part.items()}

    def wait(self) -> None:
        """Wait for all others."""
        if self._all > 1:
            distributed.barrier()


def is_sharded(tensor: Any) -> bool:
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
    """The model within DistributedDataParallel or DeepSpeed's engine; planting trains by itself."""
    from torch.nn.parallel import DistributedDataParallel

    if isinstance(model, DistributedDataParallel):
        return model.module
    # No model is within an engine where DeepSpeed was never imported; importing it takes seconds.
    deepspeed = sys.modules.get("deepspeed")
    return model.module if deepspeed and isinstance(model, deepspeed.DeepSpeedEngine) else model


def full_state(model: Any) -> dict[str, Any]:
    """A sharded model's whole state, gathered on the host of the first process."""
    if in_partitions(model):
        return gathered_state(model)
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return dict(get_model_state_dict(model, options=options))
