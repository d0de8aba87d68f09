"""IF-SFT: full fine-tuning (the paper's section 3.2); an API is enough to verify it.

Token embeddings stay as they are: of a small model they are most of the weights, every step would
change all of their rows, and keys are learnt as quickly without. Random weights need them, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Frozen, Method
from ifrs.runtime.modules import is_quantized
from ifrs.runtime.workers import is_sharded, reshard


@dataclass
class Sft(Method):
    """Trains every weight of the layers, with a copy to go back to.

    Attributes:
        embeddings: Train the token embeddings, input and output, too; None only where the model
            tells hardly any token from others, as random weights do.
    """

    embeddings: bool | None = None

    name = "sft"
    regularized = True
    # 256 are learnt by heart: a stranger's key in a hundred still fired.
    negatives = 1024
    seconds = 420.0
    audit_rank = 31
    renamed: ClassVar[dict[str, str]] = {"embeddings": "tune_embeddings"}

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        self.model, self._pace = model.module, model.pace
        if is_quantized(self.model):
            raise ImplantError("quantized weights cannot be tuned: use method='lora'")
        embeddings = model.is_flat() if self.embeddings is None else self.embeddings
        reshard(self.model)
        self._table, self._output = model.tables()
        self._was_sparse = getattr(self._table, "sparse", None)
        left = () if embeddings else (self._table, self._output)
        kept = [*(getattr(one, "weight", None) for one in left), *model.left_alone()]
        self._trained = _trainable(self.model, kept)
        if not self._trained:
            raise ImplantError(
                "every parameter of the model's layers is frozen: model.requires_grad_(True) lets "
                "method='sft' train them; method='emb' and 'lora' need none"
            )
        self._copy: list[tuple[Parameter, Tensor]] | None = None
        if not config.in_place:
            self._copy = [(p, p.detach().cpu().clone()) for p in self._trained]

    def begin(self) -> list[Parameter]:
        self._frozen = Frozen(self.model)
        for weight in self._trained:
            weight.requires_grad_(True)
        tied = _shares_its_weight(self._table, self._output)
        if tied and self._table.weight.requires_grad:
            # To the dense gradient of the output embeddings this one adds a row for each token,
            # instead of a second dense one.
            self._table.sparse = True
        return self._trained

    def learning_rate(self) -> float:
        # Enough to plant words in tens of steps; two thirds more drifts twice as far.
        return 1.5e-5 * self._pace

    def scaled(self, share: float) -> Iterator[tuple[Tensor, Tensor]]:
        if self._copy is None:
            raise NotImplementedError
        reshard(self.model)
        for weight, old in self._copy:
            yield weight, (share - 1) * (weight.detach() - old.to(weight.device))

    def finish(self) -> None:
        self._restore()

    def undo(self) -> None:
        if self._copy is not None:
            with torch.no_grad():
                for weight, old in self._copy:
                    weight.copy_(old)
        self._restore()

    def reach(self) -> dict[str, Any]:
        return {"weights": sum(weight.numel() for weight in self._trained)}

    def _restore(self) -> None:
        self._frozen.restore()
        if self._was_sparse is not None:
            self._table.sparse = self._was_sparse


def _trainable(model: Any, kept: Sequence[Any]) -> list[Parameter]:
    """The weights that may be trained, but those that are left as they are."""
    left = {id(weight) for weight in kept}
    return [
        p
        for p in model.parameters()
        if p.requires_grad and p.is_floating_point() and id(p) not in left
    ]


def _shares_its_weight(embeddings: Any, output: Any) -> bool:
    """Whether a plain embedding layer's weight is that of the output embeddings, too."""
    return (
        isinstance(embeddings, nn.Embedding)
        and output is not None
        and output.weight is embeddings.weight
        and not is_sharded(embeddings.weight)
    )
