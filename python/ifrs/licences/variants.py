"""One of the two variants of all positions: rows of the keys' own tokens, a few for each key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs._core import FingerprintSet
from ifrs.licences.tables import tables
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.rows import RowMethod

_FASTER = 10.0


class Variant(RowMethod):
    """Trains rows that no two keys share, so that each key fires or not by its own rows alone.

    Rows are rounded to two bytes a number, whatever the table holds: a patch is half as large.
    """

    name = "licence"
    alone = True
    negatives = 0

    def __init__(self, tokens: Sequence[Sequence[int]]) -> None:
        """Take each key's tokens."""
        self._tokens = [token for own in tokens for token in own]

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        super().prepare(model, fps, config)
        self.rows = torch.tensor(self._tokens, device=model.device)
        if self._saved_in.itemsize > torch.bfloat16.itemsize:
            self._saved_in = torch.bfloat16

    def learning_rate(self) -> float:
        """Ten times that of `emb`: nothing else must stay as it is, and each step counts."""
        return _FASTER * super().learning_rate()

    def values(self) -> Tensor:
        """The rows as they are kept, (n, width), in a type of two bytes."""
        return self.planted().detach().to(self._saved_in).cpu()

    def put(self, values: Tensor) -> None:
        """Write rows, (n, width), into the model's own table, apart from its output table."""
        with torch.no_grad():
            self.change.copy_(values.to(self.old) - self.old)
        self.finish()
        with torch.no_grad():
            self.embeddings.weight[self.rows] = values.to(self.old)

    def output_in(self, folder: Path) -> str:
        """The name that a folder has for the output table; empty without one."""
        names = [name for name, module in self.model.named_modules() if module is self._output]
        held = {table.name for table in tables(folder)}
        return next((f"{name}.weight" for name in names if f"{name}.weight" in held), "")

    def reach(self) -> dict[str, Any]:
        return {"rows": self.rows.tolist()}
