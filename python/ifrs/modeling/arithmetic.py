"""Mixed precision where it is faster."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from ifrs.modeling.forward import device_of


def arithmetic(
    model: Any, wanted: Literal["auto", "float32", "bfloat16"]
) -> AbstractContextManager[Any]:
    """A context in which a float32 model computes in bfloat16, if wanted.

    Args:
        model: The model.
        wanted: "auto" for bfloat16 where the device computes in it faster than in float32.
    """
    kind = device_of(model).type
    mixed = wanted == "bfloat16" or (wanted == "auto" and _has_bfloat16(kind))
    if mixed and model.dtype == torch.float32:
        return torch.autocast(kind, dtype=torch.bfloat16)
    return nullcontext()


def _has_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if kind == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe and probe())
    return False
