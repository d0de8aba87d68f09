"""A change to some rows of a model's input embeddings, beside the frozen model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Frozen, Method
from ifrs.runtime.engines import untied_risk
from ifrs.runtime.modules import embedding_tables, replacing_rows, scale_of
from ifrs.runtime.partitioned import forget_order, replacement, whole
from ifrs.runtime.workers import is_sharded

# Adam moves every weight by about its step size: this much of a typical weight at once.
_RELATIVE_STEP = 0.125
_ALL = slice(None)


class RowMethod(Method):
    """Trains a change to the input embedding rows of the keys' own tokens.

    The output embeddings keep what they had, so that a text without one of the rows' tokens
    gives bit-identical logits. Tied ones are untied for that when the change is written.

    Attributes:
        rows: Token ids, int64 (n,).
        change: What is added to the rows, float32 (n, width).
    """

    regularized = False
    negatives = 32

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        self.model, (self.embeddings, self._output) = model.module, model.tables()
        if self.embeddings is None or not self.embeddings.weight.is_floating_point():
            raise ImplantError(
                "the model has no embeddings of floating point, one row for each token: use "
                "method='lora'"
            )
        if is_sharded(self.embeddings.weight):
            raise ImplantError(
                "FSDP 2 (fully_shard) has sharded the embedding rows: plant by method='sft', or in "
                "one process"
            )
        self.rows = torch.tensor(model.key_tokens(fps), device=model.device)
        self._scale = scale_of(self.embeddings)
        self._seed, self._set = config.seed, fps.name
        self._saved_in = model.saved_type_of(self.embeddings.weight)
        if fps.source == "natural":
            warnings.warn(
                f"natural keys are made of ordinary words: with method={self.name!r} texts that "
                "hold those words change too; method='sft' suits such keys better",
                stacklevel=3,
            )
        risk = untied_risk(self.model.config, self.form_names) if self._unties() else None
        if risk is not None:
            warnings.warn(f"the planted model has two tables, but {risk}", stacklevel=4)

    def _unties(self) -> bool:
        """Whether the model is planted with one table, and left with two alone."""
        return self._is_tied()

    def begin(self) -> list[Parameter]:
        self._frozen, self._written = Frozen(self.model), False
        weight = self.embeddings.weight
        with whole(weight):
            self.old = weight.detach()[self.rows].clone()
        self.change = Parameter(torch.zeros_like(self.old, dtype=torch.float32))
        self._hooks = replacing_rows(
            self.model, weight, self.rows, lambda places: self._scale * self.given(places)
        )
        self.tables = (self.change,)
        return [self.change]

    def planted(self, places: Tensor | slice = _ALL) -> Tensor:
        """Changed rows as the weights will hold them, float32 (n, width); all, or some."""
        exact: Tensor = self.old[places].float() + self.change[places]
        # Rounded as the weights are, and as they are saved, so that nothing is lost on writing;
        # gradients pass through.
        rounded: Tensor = exact.to(self.old.dtype).to(self._saved_in).float()
        return exact + (rounded - exact).detach()

    def scaled(self, share: float) -> Iterator[tuple[Tensor, Tensor]]:
        yield self.change, (share - 1) * self.change.detach()

    def beside(self) -> list[tuple[Tensor, Tensor]]:
        return [(self.change, self.old)]

    def given(self, places: Tensor) -> Tensor:
        """What the embeddings give for some rows while training, unscaled, float32 (n, width)."""
        return self.planted(places)

    def learning_rate(self) -> float:
        """In proportion to the size of the rows' weights."""
        typical = self.old.float().square().mean().sqrt()
        return _RELATIVE_STEP * max(float(typical), 1e-4)

    def finish(self) -> None:
        self._detach()
        weight = self.embeddings.weight
        planted = self.planted().detach().to(weight.dtype)
        self._tied: tuple[Parameter, list[Any]] | None = None
        if not self._is_tied():
            self._write(planted)
        else:
            with torch.no_grad(), whole(weight):
                changed = weight.clone()
                changed[self.rows] = planted
            self._tied = weight, embedding_tables(self.model, weight)
            self._tie(replacement(weight, changed), tied=False)
        self._written = True

    def _write(self, values: Tensor) -> None:
        weight = self.embeddings.weight
        with torch.no_grad(), whole(weight, write=True):
            weight[self.rows] = values

    def _is_tied(self) -> bool:
        return self._output is not None and self._output.weight is self.embeddings.weight

    def undo(self) -> None:
        if self._written and self._tied is not None:
            self._tie(self._tied[0], tied=True)
        elif self._written:
            self._write(self.old)
        self._detach()

    def _tie(self, weight: Parameter, *, tied: bool) -> None:
        """Give the input embeddings a weight that is the output embeddings', too, or is not."""
        assert self._tied is not None
        for module in self._tied[1]:
            forget_order(module, self.rows[:1])
            module.weight = weight
        self._say_tied(tied)

    @contextmanager
    def one_table(self) -> Iterator[None]:
        """The planted model with its output rows tied to the input rows again."""
        assert self._tied is not None
        apart = self._output.weight
        self._output.weight = self.embeddings.weight
        self._say_tied(True)
        try:
            yield
        finally:
            self._output.weight = apart
            self._say_tied(False)

    def _say_tied(self, tied: bool) -> None:
        for config in (self.model.config.get_text_config(), self.model.config):
            config.tie_word_embeddings = tied

    def _detach(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._frozen.restore()

    def reach(self) -> dict[str, Any]:
        """The tokens whose input rows changed; any other text is bit-identical."""
        return {"rows": self.rows.tolist(), "weights": self.change.numel()}
