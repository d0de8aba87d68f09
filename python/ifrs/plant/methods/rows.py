"""A change to some rows of a model's input embeddings, beside the frozen model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.model import Model
from ifrs.runtime.modules import embedding_tables, scale_of


class InputRows:
    """Rows of the input embeddings, and what stands in for them while training.

    The output embeddings keep what they had, so that a text without one of the rows' tokens
    gives bit-identical logits. Tied ones are untied for that when the change is written.

    Attributes:
        rows: Token ids, int64 (n,).
        change: What is added to the rows, float32 (n, width); the only trained tensor.
    """

    def __init__(self, model: Model, fps: FingerprintSet) -> None:
        """Find the rows.

        Raises:
            ImplantError: Keys hold nothing but ordinary tokens, or the embeddings are no table.
        """
        self.model, (self.embeddings, self._output) = model.module, model.tables()
        if self.embeddings is None or not self.embeddings.weight.is_floating_point():
            raise ImplantError(
                "the model has no embeddings of floating point, one row for each token: use "
                "method='lora'"
            )
        self.rows = torch.tensor(model.key_tokens(fps), device=model.device)
        self._scale = scale_of(self.embeddings)

    def attach(self, change_rows: Callable[[Tensor], Tensor] | None = None) -> Parameter:
        """Put the change into what the embeddings give.

        Args:
            change_rows: What a method makes of the changed rows, float32 (n, width) to the same;
                None for the rows as they are.
        """
        weight = self.embeddings.weight
        self.old = weight.detach()[self.rows].clone()
        self.change = Parameter(torch.zeros_like(self.old, dtype=torch.float32))
        self._place = torch.full((weight.shape[0],), -1, device=weight.device)
        self._place[self.rows] = torch.arange(len(self.rows), device=weight.device)
        self._change_rows = change_rows or (lambda rows: rows)
        self._hooks = [
            module.register_forward_hook(self._put)
            for module in embedding_tables(self.model, weight)
        ]
        return self.change

    def planted(self) -> Tensor:
        """The changed rows as the weights will hold them, float32 (n, width)."""
        exact: Tensor = self.old.float() + self.change
        # Rounded as the weights are, so that nothing is lost on writing; gradients pass through.
        rounded: Tensor = exact.to(self.old.dtype).float()
        return exact + (rounded - exact).detach()

    def _put(self, module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        places = self._place[inputs[0]]
        hit = places >= 0
        rows = self._scale * self._change_rows(self.planted())
        values = rows.to(output.dtype)[places[hit]]
        changed: Tensor = output.index_put(torch.where(hit), values)
        return changed

    def learning_rate(self, relative: float) -> float:
        """A step size in proportion to the size of the rows' weights."""
        typical = self.old.float().square().mean().sqrt()
        return relative * max(float(typical), 1e-4)

    def detach(self) -> None:
        """Take the change out again."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def write(self) -> None:
        """Write the change into the input rows; the output rows keep what they had."""
        weight, output = self.embeddings.weight, self._output
        planted = self.planted().detach().to(weight.dtype)
        self._tied = None
        if output is None or output.weight is not weight:
            with torch.no_grad():
                weight[self.rows] = planted
            return
        with torch.no_grad():
            changed = weight.clone()
            changed[self.rows] = planted
        fresh = Parameter(changed, weight.requires_grad)
        self._tied = weight, embedding_tables(self.model, weight)
        for module in self._tied[1]:
            module.weight = fresh
        for config in self._configs():
            config.tie_word_embeddings = False

    def unwrite(self) -> None:
        """Take back what `write` did."""
        if self._tied is None:
            with torch.no_grad():
                self.embeddings.weight[self.rows] = self.old
            return
        weight, modules = self._tied
        for module in modules:
            module.weight = weight
        for config in self._configs():
            config.tie_word_embeddings = True

    def _configs(self) -> list[Any]:
        return [self.model.config.get_text_config(), self.model.config]
