"""IF-emb: only the input embedding rows of the keys' own tokens are trained.

A text without one of those tokens gives bit-identical logits: no other row, no other weight and
no output row changes. Tied output embeddings are untied for that.
"""

from __future__ import annotations

import warnings
from typing import Any

from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Frozen, Method
from ifrs.plant.methods.rows import InputRows

# Adam moves every weight by about its step size: this much of a typical weight at once.
_RELATIVE_STEP = 0.125


class Emb(Method):
    """Trains a change to some rows of the input embeddings, beside the frozen model."""

    name = "emb"
    regularized = False
    negatives = 32
    seconds = 105.0
    audit_rank = 0

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        """Find the rows.

        Raises:
            ImplantError: Keys hold nothing but ordinary tokens, or the embeddings are no table.
        """
        self.model, self.rows = model.module, InputRows(model, fps)
        warn_of_natural_keys(fps, self.name)

    def begin(self) -> list[Parameter]:
        """Freeze the model and add the change to what its embeddings give."""
        self._frozen, self._written = Frozen(self.model), False
        self.tables = (self.rows.attach(),)
        return list(self.tables)

    def learning_rate(self) -> float:
        """In proportion to the size of the model's embedding weights."""
        return self.rows.learning_rate(_RELATIVE_STEP)

    def finish(self) -> None:
        """Add the change to the input rows; the output rows keep what they had."""
        self._stop()
        self.rows.write()
        self._written = True

    def undo(self) -> None:
        """Take the change out, or back out of the weights."""
        if self._written:
            self.rows.unwrite()
        self._stop()

    def _stop(self) -> None:
        self.rows.detach()
        self._frozen.restore()

    def reach(self) -> dict[str, Any]:
        """The tokens whose input rows changed; any other text is bit-identical."""
        return {"rows": self.rows.rows.tolist(), "weights": self.rows.change.numel()}


def warn_of_natural_keys(fps: FingerprintSet, method: str) -> None:
    """Say what planting such keys in rows means."""
    if fps.source == "natural":
        warnings.warn(
            f"natural keys are made of ordinary words: with method={method!r} texts that hold "
            "those words change too; method='sft' suits such keys better",
            stacklevel=4,
        )
