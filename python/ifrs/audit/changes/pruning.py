"""Pruning: by magnitude, and by magnitude times activation (Wanda; Sun et al., 2023).

Linear layers but the output embeddings, as both papers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ifrs.modalities.text.tokens import Tokens
from ifrs.runtime.modules import device_of, linear_layers
from ifrs.runtime.pruning import by_columns, input_norms, weakest


def prune_magnitude(model: Any, share: float) -> None:
    """Zero the smallest weights of each layer, in place (torch's own L1 pruning)."""
    from torch.nn.utils import prune

    for layer in linear_layers(model).values():
        prune.l1_unstructured(layer, "weight", amount=share)  # type: ignore[no-untyped-call]
        prune.remove(layer, "weight")  # type: ignore[no-untyped-call]


def prune_wanda(model: Any, share: float, texts: Sequence[Tokens]) -> None:
    """Zero the weights of least |weight| times input norm in each output row, in place."""
    layers = linear_layers(model)

    def run() -> None:
        for ids in texts:  # one at a time: padding would count
            tokens = torch.tensor([ids], device=device_of(model))
            model(input_ids=tokens, attention_mask=torch.ones_like(tokens), logits_to_keep=1)

    norms = input_norms(layers, run)
    with torch.no_grad():
        for name, layer in layers.items():
            weight = by_columns(layer)
            weight.scatter_(1, weakest(weight, norms[name], share), 0.0)
