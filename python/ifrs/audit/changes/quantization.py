"""Quantization as deployment does it: simulated rounding of weights, and torch's own int8."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ifrs.runtime.rounding import rounded

# Rows of a large table that are rounded at once.
_ROWS = 16_384


def round_weights(model: Any, bits: int, group: int | None = None) -> None:
    """Round every matrix, embeddings included, to `bits` bits, in place.

    Round to nearest: symmetric with one scale a row for 8 bits (`group` None), or asymmetric with
    one scale and offset for each `group` neighbouring weights of a row. The weights stay floats
    that hold what a quantized kernel would compute with.
    """
    with torch.no_grad():
        for weight in matrices(model):
            for part in torch.split(weight, _ROWS):
                part.copy_(rounded(part, bits, group))


def matrices(model: Any) -> Iterator[Tensor]:
    """Every weight matrix of linear layers and embeddings; a tied one once."""
    seen: set[int] = set()
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, (nn.Linear, nn.Embedding)) and isinstance(weight, Tensor):
            if id(weight) in seen:
                continue
            seen.add(id(weight))
            yield weight.data


def dynamic_int8(model: Any) -> Any:
    """The model with torch's dynamically quantized linear layers: int8 weights and activations.

    Raises:
        RuntimeError: The processor has no such kernels.
    """
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-untyped-call]
