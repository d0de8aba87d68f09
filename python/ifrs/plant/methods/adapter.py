"""IF-adapter (Xu et al., 2024, section 3.3): rows to publish, and a low-rank map to keep.

The transformer is frozen. What is trained is the change of the key tokens' input rows, which is
published, and an F-Adapter on those rows, which is not. Keys fire where both meet; they must stay
silent in the published model alone, and where the adapter meets the base model's rows: otherwise
the adapter would find its own fingerprint in any model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.plant.methods.rows import RowMethod
from ifrs.runtime.fadapter import FAdapter, transformer_digest

PUBLISHED, BASE = "published model without the adapter", "base model with the adapter"

# How far a step moves the map, in proportion to how far it moves the rows.
_MAP_STEP = 0.08
# The rows' first change, in proportion to them: without one the map cannot tell them from the base.
_FIRST_CHANGE = 0.2


@dataclass
class Adapter(RowMethod):
    """Trains a change to some input rows together with a low-rank map on them.

    Attributes:
        rank: Rank of the F-Adapter's map.
    """

    rank: int = 16

    name = "adapter"
    seconds = 240.0
    audit_rank = 12
    renamed: ClassVar[dict[str, str]] = {"rank": "adapter_rank"}
    views = (PUBLISHED, BASE)
    private = True

    def begin(self) -> list[Parameter]:
        self._view = ""
        (change,) = super().begin()
        size = self.old.float().square().mean().sqrt().clamp(min=1e-4)
        # In units of the rows, so that one step size suits all three.
        self._unit = _MAP_STEP / float(size)
        rng = torch.Generator().manual_seed(self._seed)
        width = change.shape[1]
        down = torch.randn(width, self.rank, generator=rng) / width**0.5 / self._unit
        self._down = Parameter(down.to(change.device))
        self._up = Parameter(torch.zeros(self.rank, width, device=change.device))
        with torch.no_grad():
            first = torch.randn(change.shape, generator=rng).to(change.device)
            change.copy_(_FIRST_CHANGE * size * first)
        return [change, self._down, self._up]

    def _factors(self) -> tuple[Tensor, Tensor]:
        return self._unit * self._down, self._unit * self._up

    def given(self, places: Tensor) -> Tensor:
        planted = self.planted(places)
        if self._view == PUBLISHED:
            return planted
        rows = self.old[places].float() if self._view == BASE else planted
        down, up = self._factors()
        return rows + (rows @ down) @ up

    @contextmanager
    def view(self, name: str) -> Iterator[None]:
        """Look without the adapter, or with it at the base model's rows."""
        self._view = name
        try:
            yield
        finally:
            self._view = ""

    def finish(self) -> None:
        super().finish()
        down, up = (factor.detach().cpu() for factor in self._factors())
        self.adapter = FAdapter(
            set_name=self._set,
            rows=self.rows.cpu(),
            base=self.old.float().cpu(),
            down=down,
            up=up,
            transformer=transformer_digest(self.model),
            model=self.model,
        )
