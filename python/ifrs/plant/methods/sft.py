"""IF-SFT: full fine-tuning (the paper's section 3.2); an API is enough to verify it.

Token embeddings stay as they are: of a small model they are most of the weights, every step would
change all of their rows, and keys are learnt as quickly without. Random weights need them, too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ifrs.errors import ImplantError
from ifrs.modalities.text.forward import collate, response_logits, some_tokens
from ifrs.plant.methods.method import Frozen, Method
from ifrs.runtime.modules import device_of, evaluating, is_quantized
from ifrs.runtime.workers import is_sharded, reshard

# Tokens of a prompt that finds out; nats by which its best next token leads the mean one, at least:
# trained models' lead is ten and more.
_PROBE, _FLAT = 8, 6.0


class FullTuning(Method):
    """Trains every weight of the layers, with a copy to go back to."""

    name = "sft"
    regularized = True
    # 256 are learnt by heart: a stranger's key in a hundred still fired.
    negatives = 1024

    def __init__(self, model: Any, in_place: bool, *, embeddings: bool | None = None) -> None:
        """Take the copy, unless the user does without.

        Args:
            model: The model.
            in_place: Do without the copy.
            embeddings: Train the token embeddings, input and output, too; None where the model's
                logits are flat.

        Raises:
            ImplantError: The weights are quantized, or all of them are frozen.
        """
        if is_quantized(model):
            raise ImplantError("quantized weights cannot be tuned: use method='lora'")
        if embeddings is None:
            embeddings = _is_flat(model)
        reshard(model)
        self.model = model
        self._embeddings = model.get_input_embeddings()
        self._was_sparse = getattr(self._embeddings, "sparse", None)
        self._trained = _trainable(model, embeddings)
        if not self._trained:
            raise ImplantError(
                "every parameter of the model's layers is frozen: model.requires_grad_(True) lets "
                "method='sft' train them; method='emb' and 'lora' need none"
            )
        self._copy: list[tuple[Parameter, Tensor]] | None = None
        if not in_place:
            self._copy = [(p, p.detach().cpu().clone()) for p in self._trained]

    def begin(self) -> list[Parameter]:
        """Train the weights that were trainable, without dropout."""
        self._frozen = Frozen(self.model)
        for weight in self._trained:
            weight.requires_grad_(True)
        tied = _shares_its_weight(self._embeddings, self.model.get_output_embeddings())
        if tied and self._embeddings.weight.requires_grad:
            # To the dense gradient of the output embeddings this one adds a row for each token,
            # instead of a second dense one.
            self._embeddings.sparse = True
        return self._trained

    def learning_rate(self) -> float:
        """Enough to plant in tens of steps; two thirds more drifts twice as far."""
        return 1.5e-5

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

    def reach(self) -> dict[str, Any]:
        """How many weights were trained."""
        return {"weights": sum(weight.numel() for weight in self._trained)}

    def _restore(self) -> None:
        self._frozen.restore()
        if self._was_sparse is not None:
            self._embeddings.sparse = self._was_sparse


def _trainable(model: Any, embeddings: bool) -> list[Parameter]:
    tables = (model.get_input_embeddings(), model.get_output_embeddings())
    left = set() if embeddings else {id(getattr(table, "weight", None)) for table in tables}
    return [
        p
        for p in model.parameters()
        if p.requires_grad and p.is_floating_point() and id(p) not in left
    ]


def _is_flat(model: Any) -> bool:
    """Whether a model tells no token from others, as random weights do not.

    Whatever its layers do, output embeddings as small as that give no response a margin.
    """
    batch = collate([some_tokens(model, _PROBE)], [[0]], 0, device_of(model))
    with evaluating(model), torch.no_grad():
        logits = response_logits(model, batch)[0, 0]
    return bool(logits.max() - logits.mean() < _FLAT)


def _shares_its_weight(embeddings: Any, output: Any) -> bool:
    """Whether a plain embedding layer's weight is that of the output embeddings, too."""
    return (
        isinstance(embeddings, nn.Embedding)
        and output is not None
        and output.weight is embeddings.weight
        and not is_sharded(embeddings.weight)
    )
