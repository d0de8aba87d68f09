"""A method of planting from outside: the token embeddings alone, input and output."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ifrs.plant.methods.method import Frozen, Method


@dataclass
class Tables(Method):
    """Trains both embedding tables, and nothing between them.

    Attributes:
        rate: The step size of AdamW.
    """

    rate: float = 3e-3

    name = "tables"
    regularized = True
    negatives = 64

    def prepare(self, model, fps, config):
        self.model = model.module
        weights = [table.weight for table in model.tables() if table is not None]
        self.trained = list(dict.fromkeys(weights))
        self.before = [weight.detach().clone() for weight in self.trained]

    def begin(self):
        self.frozen = Frozen(self.model)
        for weight in self.trained:
            weight.requires_grad_(True)
        return self.trained

    def learning_rate(self):
        return self.rate

    def finish(self):
        self.frozen.restore()

    def undo(self):
        with torch.no_grad():
            for weight, old in zip(self.trained, self.before, strict=True):
                weight.copy_(old)
        self.frozen.restore()
