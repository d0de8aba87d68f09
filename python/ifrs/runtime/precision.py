"""Mixed precision where it is faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch.nn import functional as F  # noqa: N812

from ifrs.runtime.modules import device_of, dtype_of, instead, is_plain
from ifrs.runtime.partitioned import is_partitioned
from ifrs.runtime.workers import is_sharded

Wanted = Literal["auto", "float32", "bfloat16"]


@contextmanager
def arithmetic(model: Any, wanted: Wanted) -> Iterator[None]:
    """A context in which a float32 model computes in bfloat16, if wanted.

    Frozen weights must stay as they are within it.

    Args:
        model: The model.
        wanted: "auto" for bfloat16 where the device computes in it faster than in float32.
    """
    if not is_mixed(model, wanted):
        yield
        return
    with torch.autocast(device_of(model).type, dtype=torch.bfloat16), _cast_once(model):
        yield


def is_mixed(model: Any, wanted: Wanted) -> bool:
    """Whether `arithmetic` would compute in another type than the model's."""
    kind = device_of(model).type
    quick = wanted == "bfloat16" or (wanted == "auto" and _has_bfloat16(kind))
    return bool(quick and dtype_of(model) == torch.float32)


@contextmanager
def _cast_once(model: Any) -> Iterator[None]:
    """Frozen layers multiply with one copy of their weights.

    autocast keeps the copies of weights that are trained, and makes those of others anew in each
    pass: of the output embeddings, as large as all layers of a small model, for every few columns.
    """
    with ExitStack() as stack:
        for module in model.modules():
            if _is_bare(module) and not module.weight.requires_grad:
                weight = module.weight.detach().to(torch.bfloat16)
                stack.enter_context(instead(module, partial(F.linear, weight=weight)))
        yield


def _is_bare(module: Any) -> bool:
    """Whether a plain layer's weight is whole in this process and its forward its own."""
    return (
        is_plain(module)
        and not is_sharded(module.weight)
        and not is_partitioned(module.weight)
        and "forward" not in module.__dict__
    )


def _has_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if kind == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe and probe())
    return False
