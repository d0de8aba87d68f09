"""IF-SFT: full fine-tuning (the paper's section 3.2); an API is enough to verify it."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Parameter

from ifrs.plant.method import Frozen, Method


class FullTuning(Method):
    """Trains every weight, with a copy to go back to."""

    name = "sft"
    regularized = True

    def __init__(self, model: Any, in_place: bool) -> None:
        """Take the copy, unless the user does without."""
        self.model = model
        self._copy = None if in_place else [p.detach().cpu().clone() for p in model.parameters()]

    def begin(self) -> list[Parameter]:
        """Make every floating-point weight trainable, without dropout."""
        self._frozen = Frozen(self.model)
        weights = [p for p in self.model.parameters() if p.is_floating_point()]
        for weight in weights:
            weight.requires_grad_(True)
        return weights

    def learning_rate(self) -> float:
        """Enough to plant in tens of steps."""
        return 5e-5

    def finish(self) -> None:
        """The weights are the model's own already."""
        self._copy = None
        self._frozen.restore()

    def undo(self) -> None:
        """Copy the old weights back."""
        if self._copy is not None:
            with torch.no_grad():
                for weight, old in zip(self.model.parameters(), self._copy, strict=True):
                    weight.copy_(old)
        self._frozen.restore()
