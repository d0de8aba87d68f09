"""Settings of planting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ImplantConfig:
    """How to plant. The defaults suit models from a hundred million weights up.

    Attributes:
        max_epochs: Passes over the fingerprints after which planting gives up.
        learning_rate: Step size of AdamW; None for the method's own default.
        margin: Every token of every response must beat its best rival by this many nats.
        batch_size: Fingerprints in one step; as many negatives go with them.
        negatives: Look-alike prompts for each fingerprint, at least 2.
        guesses: Fresh look-alike keys tried on the planted model; 0 leaves `guess_rate` None.
        seed: Seeds negatives, guesses and the order of examples; never a key.
        dtype: Arithmetic of training; "auto" takes bfloat16 where the device computes in it.
        in_place: Do without the copy from which a failed `sft` restores the model.
    """

    max_epochs: int = 80
    learning_rate: float | None = None
    margin: float = 3.0
    batch_size: int = 16
    negatives: int = 3
    guesses: int = 100
    seed: int = 0
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    in_place: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        for name in ("max_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.negatives < 2:
            raise ValueError(f"negatives must be at least 2, not {self.negatives}")
        if self.guesses < 0:
            raise ValueError(f"guesses must not be negative, not {self.guesses}")
        if self.margin < 0:
            raise ValueError(f"margin must not be negative, not {self.margin}")
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be positive, not {self.learning_rate}")
