"""Weights that DeepSpeed's ZeRO-3 has partitioned: each process holds a part of every one.

The data of such a parameter are empty. Hooks of DeepSpeed's engine gather it for the passes of its
own layer alone. What reads or writes it elsewhere does that here, in all processes alike.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ifrs.errors import ImplantError

# How many contexts of DeepSpeed's hold a parameter whole (seen with 0.19).
_HELD = "_ds_z3_gathered_param_context_depth"


def is_partitioned(tensor: Tensor) -> bool:
    """Whether a tensor is a parameter that ZeRO-3 has partitioned."""
    return hasattr(tensor, "ds_tensor")


def in_partitions(model: Any) -> bool:
    """Whether ZeRO-3 has partitioned weights of a model."""
    if "deepspeed" not in sys.modules or not isinstance(model, nn.Module):
        return False
    return any(map(is_partitioned, model.parameters()))


def shape_of(weight: Tensor) -> torch.Size:
    """The shape of a whole weight."""
    return torch.Size(getattr(weight, "ds_shape", weight.shape))


@contextmanager
def whole(weight: Tensor, *, write: bool = False) -> Iterator[None]:
    """Have a weight whole in every process, within the context; no layer may pass in it.

    Args:
        weight: Any tensor; one that is not partitioned is as it is.
        write: Keep what is written, which is the same in all processes.
    """
    if not is_partitioned(weight):
        yield
        return
    import deepspeed

    with deepspeed.zero.GatheredParameters(weight, modifier_rank=0 if write else None):
        yield
        written = weight.detach().float().clone() if write else None
    if written is not None and getattr(weight, "_z3_optimizer", None) is not None:
        # The engine's optimizer has a copy of its own, from which its next step goes on.
        deepspeed.utils.safe_set_full_fp32_param(weight, written)


def replacement(weight: Parameter, values: Tensor) -> Parameter:
    """A new parameter of these values, trainable and partitioned as another one is."""
    made = Parameter(values, weight.requires_grad)
    if is_partitioned(weight):
        weight.convert_to_zero_parameters(param_list=[made])  # type: ignore[attr-defined]
    return made


def forget_order(layer: Any, *inputs: Tensor) -> None:
    """Let the engine forget in which order a pass needs parameters, before a layer gets another.

    It gathers ahead in the order of the last passes, and stops where it finds another parameter.
    Where a layer passes by itself the order is not that one, and is learnt anew.
    """
    if is_partitioned(layer.weight):
        with torch.no_grad():
            layer(*inputs)


def gathered_state(model: Any) -> dict[str, Any]:
    """A model's whole state on the host of the first process; that of no tensor in the others.

    Tensors that are one in the model are one here.
    """
    first = not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0
    copies: dict[int, Tensor] = {}
    state: dict[str, Any] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        with whole(tensor):
            if first and id(tensor) not in copies:
                copies[id(tensor)] = tensor.detach().cpu().clone()
        if first:
            state[name] = copies[id(tensor)]
    return state


def require_gathering(model: Any) -> None:
    """Refuse a partitioned model that cannot pass, or whose weights a caller holds whole.

    Raises:
        ImplantError: No engine of DeepSpeed gathers its weights, or `GatheredParameters` has.
    """
    if not hasattr(model, "ds_id"):
        raise ImplantError(
            "ZeRO-3 has partitioned the model's weights, and nothing gathers them yet: pass the "
            "engine that deepspeed.initialize or accelerator.prepare makes of it"
        )
    if any(getattr(weight, _HELD, 0) for weight in model.parameters()):
        raise ImplantError(
            "deepspeed.zero.GatheredParameters holds weights of the model, and would drop what is "
            "planted: leave it first"
        )
