"""What a classifier's last layer sees, computed once where that layer alone is trained.

All layers before it stay as they are then, and a step costs one small product instead of a pass
through the network. Where planting moves weights to train through what others do, inputs go through
all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Inputs in a pass.
_AT_ONCE = 64


class Features:
    """The inputs of a module's last layer."""

    def __init__(self, module: Any) -> None:
        """Take a module; nothing is computed yet."""
        self._module = module
        # By the identity of an input, which is kept so that no other can take its place.
        self._seen: dict[int, tuple[Tensor, Tensor]] = {}
        self._last: dict[int, bool] = {}
        self._places: list[int] = []

    def head(self) -> nn.Linear | None:
        """The linear layer that alone is trainable, where there is one, and all else as it was."""
        trainable = {id(p) for p in self._module.parameters() if p.requires_grad}
        if not 0 < len(trainable) <= 2:
            return None
        for layer in self._module.modules():
            if isinstance(layer, nn.Linear) and {id(p) for p in layer.parameters()} == trainable:
                return layer if self._as_they_were() else None
        return None

    def _as_they_were(self) -> bool:
        """Whether no other weight or statistic was put in the place of one, as noise does."""
        tensors = [p for p in self._module.parameters() if not p.requires_grad]
        places = [tensor.data_ptr() for tensor in (*tensors, *self._module.buffers())]
        self._places = self._places or places
        return places == self._places

    def logits(
        self, head: nn.Linear, inputs: Sequence[Tensor], whole: Callable[[Sequence[Tensor]], Tensor]
    ) -> Tensor | None:
        """The layer's answers, (inputs, classes); None where it is not the last one.

        Args:
            head: The layer.
            inputs: One tensor each.
            whole: The module's logits of some inputs.
        """
        if id(head) not in self._last:
            self._last[id(head)] = self._is_last(head, inputs[:1], whole)
        if not self._last[id(head)]:
            return None
        new = [given for given in inputs if id(given) not in self._seen]
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            found, _ = self._read(head, part, whole)
            for given, row in zip(part, found, strict=True):
                self._seen[id(given)] = given, row
        logits: Tensor = head(torch.stack([self._seen[id(given)][1] for given in inputs]))
        return logits

    def _is_last(
        self, head: nn.Linear, inputs: Sequence[Tensor], whole: Callable[[Sequence[Tensor]], Tensor]
    ) -> bool:
        """Whether what the module says is what the layer gives, of one row for each input."""
        found, logits = self._read(head, inputs, whole)
        if found is None or found.ndim != 2 or len(found) != len(inputs):
            return False
        with torch.no_grad():
            return torch.allclose(head(found).float(), logits.float(), rtol=1e-3, atol=1e-4)

    def _read(
        self, head: nn.Linear, inputs: Sequence[Tensor], whole: Callable[[Sequence[Tensor]], Tensor]
    ) -> tuple[Any, Tensor]:
        """What the layer got last in a pass, and what the module said."""
        got: list[Tensor] = []
        hook = head.register_forward_pre_hook(lambda _, given: got.append(given[0].detach()))
        try:
            with torch.no_grad():
                logits = whole(inputs)
        finally:
            hook.remove()
        return (got[-1] if got else None), logits
