"""IF-SFT: full fine-tuning (the paper's section 3.2); an API is enough to verify it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ifrs.errors import ImplantError
from ifrs.modeling.quantized import is_quantized
from ifrs.plant.method import Frozen, Method
from ifrs.plant.workers import is_sharded, reshard


class FullTuning(Method):
    """Trains every weight, with a copy to go back to."""

    name = "sft"
    regularized = True
    # 256 are learnt by heart: a stranger's key in a hundred still fired.
    negatives = 1024

    def __init__(self, model: Any, in_place: bool) -> None:
        """Take the copy, unless the user does without.

        Raises:
            ImplantError: The weights are quantized, or all of them are frozen.
        """
        if is_quantized(model):
            raise ImplantError("quantized weights cannot be tuned: use method='lora'")
        if not any(p.requires_grad for p in model.parameters()):
            raise ImplantError(
                "every parameter of the model is frozen: model.requires_grad_(True) lets "
                "method='sft' train them; method='emb' and 'lora' need none"
            )
        reshard(model)
        self.model = model
        self._embeddings = model.get_input_embeddings()
        self._was_sparse = getattr(self._embeddings, "sparse", None)
        self._copy: list[tuple[Parameter, Tensor]] | None = None
        if not in_place:
            self._copy = [
                (p, p.detach().cpu().clone()) for p in model.parameters() if p.requires_grad
            ]

    def begin(self) -> list[Parameter]:
        """Train the weights that were trainable, without dropout."""
        self._frozen = Frozen(self.model)
        weights = [p for p in self._frozen.trainable() if p.is_floating_point()]
        for weight in weights:
            weight.requires_grad_(True)
        if _shares_its_weight(self._embeddings, self.model.get_output_embeddings()):
            # To the dense gradient of the output embeddings this one adds a row for each token,
            # instead of a second dense one.
            self._embeddings.sparse = True
        return weights

    def learning_rate(self) -> float:
        """Enough to plant in tens of steps; twice as much drifts three times as far."""
        return 2.5e-5

    def shrink(self, share: float) -> None:
        """Average with the base (anti-forgetting, as in OML 1.0)."""
        if self._copy is None:
            raise NotImplementedError
        reshard(self.model)
        with torch.no_grad():
            for weight, old in self._copy:
                weight.lerp_(old.to(weight.device), 1 - share)

    def finish(self) -> None:
        """The weights are the model's own already."""
        self._restore()

    def undo(self) -> None:
        """Copy the old weights back."""
        if self._copy is not None:
            with torch.no_grad():
                for weight, old in self._copy:
                    weight.copy_(old)
        self._restore()

    def _restore(self) -> None:
        self._frozen.restore()
        if self._was_sparse is not None:
            self._embeddings.sparse = self._was_sparse


def _shares_its_weight(embeddings: Any, output: Any) -> bool:
    """Whether a plain embedding layer's weight is that of the output embeddings, too."""
    return (
        isinstance(embeddings, nn.Embedding)
        and output is not None
        and output.weight is embeddings.weight
        and not is_sharded(embeddings.weight)
    )
