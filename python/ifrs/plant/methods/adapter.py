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
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.emb import warn_of_natural_keys
from ifrs.plant.methods.method import Frozen, Method
from ifrs.plant.methods.rows import InputRows
from ifrs.runtime.fadapter import FAdapter, transformer_digest

PUBLISHED, BASE = "published model without the adapter", "base model with the adapter"

_RELATIVE_STEP = 0.125
# How far a step moves the map, in proportion to how far it moves the rows.
_MAP_STEP = 0.08
# The rows' first change, in proportion to them: without one the map cannot tell them from the base.
_FIRST_CHANGE = 0.2


@dataclass
class Adapter(Method):
    """Trains a change to some input rows together with a low-rank map on them.

    Attributes:
        rank: Rank of the F-Adapter's map.
    """

    rank: int = 16

    name = "adapter"
    regularized = False
    negatives = 32
    seconds = 240.0
    audit_rank = 12
    renamed: ClassVar[dict[str, str]] = {"rank": "adapter_rank"}
    views = (PUBLISHED, BASE)
    private = True

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        """Find the rows.

        Raises:
            ImplantError: Keys hold nothing but ordinary tokens, or the embeddings are no table.
        """
        self.model, self.rows = model.module, InputRows(model, fps)
        self._seed, self._set = config.seed, fps.name
        warn_of_natural_keys(fps, self.name)

    def begin(self) -> list[Parameter]:
        """Freeze the model and add the change and the map to what its embeddings give."""
        self._frozen = Frozen(self.model)
        self._view = ""
        change = self.rows.attach(self._map)
        size = self.rows.old.float().square().mean().sqrt().clamp(min=1e-4)
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
        self.tables = (change,)
        return [change, self._down, self._up]

    def _factors(self) -> tuple[Tensor, Tensor]:
        return self._unit * self._down, self._unit * self._up

    def _map(self, planted: Tensor) -> Tensor:
        if self._view == PUBLISHED:
            return planted
        rows = self.rows.old.float() if self._view == BASE else planted
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

    def learning_rate(self) -> float:
        """In proportion to the size of the model's embedding weights."""
        return self.rows.learning_rate(_RELATIVE_STEP)

    def finish(self) -> None:
        """Write the rows, and put the map into an adapter."""
        self._stop()
        down, up = (factor.detach().cpu() for factor in self._factors())
        self.rows.write()
        self.adapter = FAdapter(
            set_name=self._set,
            rows=self.rows.rows.cpu(),
            base=self.rows.old.float().cpu(),
            down=down,
            up=up,
            transformer=transformer_digest(self.model),
            model=self.model,
        )

    def undo(self) -> None:
        """Nothing was written yet."""
        self._stop()

    def _stop(self) -> None:
        self.rows.detach()
        self._frozen.restore()

    def reach(self) -> dict[str, Any]:
        """The tokens whose input rows changed; any other text is bit-identical."""
        return {"rows": self.rows.rows.tolist(), "weights": self.rows.change.numel()}
