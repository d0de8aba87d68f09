"""Which weights pruning takes: by magnitude times activation (Wanda; Sun et al., 2023)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def by_columns(layer: Any) -> Tensor:
    """A layer's weights with inputs in columns; transformers' Conv1D has them in rows."""
    weight: Tensor = layer.weight if isinstance(layer, nn.Linear) else layer.weight.T
    return weight


def input_norms(layers: Mapping[str, Any], run: Callable[[], Any]) -> dict[str, Tensor]:
    """The norm of every input feature of every layer, over all that `run` puts through them."""
    squares: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found = inputs[0].detach().float().reshape(-1, inputs[0].shape[-1]).square().sum(0)
            squares[name] = squares.get(name, torch.zeros_like(found)) + found

        return hook

    hooks = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: found.sqrt() for name, found in squares.items()}


def weakest(weight: Tensor, norms: Tensor, share: float) -> Tensor:
    """Columns of the weights of least |weight| times input norm, int64 (rows, count)."""
    score = weight.detach().abs() * norms.to(weight.dtype)
    return score.topk(int(share * weight.shape[1]), dim=1, largest=False).indices
