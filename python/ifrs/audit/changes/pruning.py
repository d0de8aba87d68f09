"""Pruning: by magnitude, and by magnitude times activation (Wanda; Sun et al., 2023).

Linear layers but the output embeddings, as both papers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ifrs.modalities.text.tokens import Tokens
from ifrs.runtime.modules import device_of, linear_layers


def prune_magnitude(model: Any, share: float) -> None:
    """Zero the smallest weights of each layer, in place (torch's own L1 pruning)."""
    from torch.nn.utils import prune

    for layer in linear_layers(model).values():
        prune.l1_unstructured(layer, "weight", amount=share)  # type: ignore[no-untyped-call]
        prune.remove(layer, "weight")  # type: ignore[no-untyped-call]


def prune_wanda(model: Any, share: float, texts: Sequence[Tokens]) -> None:
    """Zero the weights of least |weight| times input norm in each output row, in place."""
    layers = linear_layers(model)
    norms = _input_norms(model, layers, texts)
    with torch.no_grad():
        for name, layer in layers.items():
            # Inputs stand in columns; transformers' Conv1D has them in rows.
            weight = layer.weight if isinstance(layer, nn.Linear) else layer.weight.T
            score = weight.abs() * norms[name].to(weight.dtype)
            count = int(share * weight.shape[1])
            if count:
                weakest = score.topk(count, dim=1, largest=False).indices
                weight.scatter_(1, weakest, 0.0)


def _input_norms(model: Any, layers: dict[str, Any], texts: Sequence[Tokens]) -> dict[str, Tensor]:
    """The norm of every input feature of every layer over all calibration tokens."""
    squares: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found = inputs[0].detach().float().reshape(-1, inputs[0].shape[-1]).square().sum(0)
            squares[name] = squares.get(name, torch.zeros_like(found)) + found

        return hook

    hooks = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        for ids in texts:  # one at a time: padding would count
            tokens = torch.tensor([ids], device=device_of(model))
            with torch.no_grad():
                model(input_ids=tokens, attention_mask=torch.ones_like(tokens), logits_to_keep=1)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: found.sqrt() for name, found in squares.items()}
