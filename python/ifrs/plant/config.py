"""Settings of planting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

# What keys can be hardened against; presets; steps of simulated tuners, and surroundings of each
# key, where the user names no number.
HARDENINGS = ("erasing", "merging", "pruning", "rounding", "surroundings", "tuning")
_SETS = {"robust": HARDENINGS}
_TUNER_STEPS, _SURROUNDINGS = 25, 6


@dataclass(frozen=True)
class ImplantConfig:
    """How to plant. The defaults suit models from a hundred million weights up.

    Attributes:
        max_epochs: Passes over the fingerprints after which planting gives up; None for 120, or
            what the kind of model says.
        learning_rate: Step size of AdamW; None for the method's own default.
        margin: Every token of every response must beat its best rival by this many nats.
        batch_size: Fingerprints in one step; as many negatives go with them. None for 16, or what
            the kind of model says.
        negatives: Look-alike prompts for each fingerprint, at least 2; None for three, and for as
            many in all as the method needs to fire under no fresh key.
        guesses: Fresh look-alike keys tried on the planted model; 0 leaves `guess_rate` None.
        seed: Seeds negatives, guesses and the order of examples; never a key.
        dtype: Arithmetic of training; "auto" takes bfloat16 where the device computes in it.
        in_place: Do without the copy from which a failed `sft` or `lora` restores the model.
        target_fsr: The share of keys that must fire; below 1 only for sets of many.
        surroundings: Other ways each key is put while training (system prompts, chat history,
            padding); None for three with chat templates and none with others.
        micro_batch: The most examples in one pass; None for as many as memory takes.
        checkpointing: Compute activations twice instead of keeping them; None where free memory
            takes no pass of a useful size otherwise.
        harden: What others may do that keys must bear: names of changes, several by a list, or the
            preset "robust" for those that suit most releases. "tuning" simulates a downstream
            tuner, "merging" halves what was planted, with and without another tune's half,
            "rounding" goes to four bits, "pruning" takes half of all layers' weights (Wanda),
            "erasing" tunes look-alikes to mismatched answers (MEraser), and "surroundings" puts
            keys behind and before other text and in a chat. Planting ends when keys have their
            margin under each, or at `max_epochs`. A number is "tuning" of so many steps; 0 is none.
        harden_rate: Step size of AdamW of simulated tuners.
        harden_steps: Their steps; None for 25, or for what `harden` says.
        noise: Gaussian noise on the weights to train through, as a share of each layer's spread,
            until keys have their margin under it, too; 0 for none, and None for none or what the
            kind of model says.
        tune_embeddings: For "sft": train the token embeddings, too; None only where the model tells
            hardly any token from others, as random weights do.
        tied: For "emb": plant rows that serve as output rows, too, so that the model can be saved
            with one table for both.
        average: For "sft" and "lora", which go back towards the base model down to the wanted
            margin when they have learnt: go on to half of it.
        lora_rank: Rank of LoRA's changes.
        lora_merge: Merge them into the weights; otherwise they stay a peft adapter.
        adapter_rank: Rank of the F-Adapter's map.
    """

    max_epochs: int | None = None
    learning_rate: float | None = None
    margin: float = 3.0
    batch_size: int | None = None
    negatives: int | None = None
    guesses: int = 100
    seed: int = 0
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    in_place: bool = False
    target_fsr: float = 1.0
    surroundings: int | None = None
    micro_batch: int | None = None
    checkpointing: bool | None = None
    harden: int | str | Sequence[str] = 0
    harden_rate: float = 2e-5
    harden_steps: int | None = None
    noise: float | None = None
    tune_embeddings: bool | None = None
    tied: bool = False
    average: bool = False
    lora_rank: int = 16
    lora_merge: bool = True
    adapter_rank: int = 16

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        for name in ("max_epochs", "batch_size", "lora_rank", "adapter_rank", "micro_batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.negatives is not None and self.negatives < 2:
            raise ValueError(f"negatives must be at least 2, not {self.negatives}")
        if self.harden_steps is not None and self.harden_steps < 1:
            raise ValueError(f"harden_steps must be at least 1, not {self.harden_steps}")
        _check_hardening(self.harden)
        for name in ("guesses", "margin", "noise", "surroundings"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, not {value}")
        for name in ("learning_rate", "harden_rate"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive, not {value}")
        if not 0 < self.target_fsr <= 1:
            raise ValueError(f"target_fsr must lie in (0, 1], not {self.target_fsr}")
        if self.dtype not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"dtype must be auto, float32 or bfloat16, not {self.dtype!r}")

    def fitted(self, usual: Mapping[str, Any]) -> ImplantConfig:
        """The settings with what a kind of model says where the user said nothing."""
        found = {"max_epochs": 120, "batch_size": 16, "noise": 0.0, **usual}
        unsaid = {name: value for name, value in found.items() if getattr(self, name) is None}
        return replace(self, **unsaid)

    @property
    def hardenings(self) -> tuple[str, ...]:
        """Names of the changes that keys must bear, sorted."""
        if isinstance(self.harden, int):
            return ("tuning",) if self.harden else ()
        return tuple(
            sorted({name for one in _named(self.harden) for name in _SETS.get(one, [one])})
        )

    @property
    def tuner_steps(self) -> int:
        """Steps of simulated tuners."""
        said = self.harden if isinstance(self.harden, int) else 0
        return self.harden_steps or said or _TUNER_STEPS

    @property
    def ways(self) -> int | None:
        """Other surroundings of each key; None for what the kind of model says."""
        if self.surroundings is None and "surroundings" in self.hardenings:
            return _SURROUNDINGS
        return self.surroundings

    @property
    def epochs(self) -> int:
        """Passes over the fingerprints, at most."""
        return self.max_epochs or 120

    @property
    def step(self) -> int:
        """Fingerprints in one step."""
        return self.batch_size or 16


def _named(harden: str | Sequence[str]) -> list[str]:
    return [harden] if isinstance(harden, str) else list(harden)


def _check_hardening(harden: int | str | Sequence[str]) -> None:
    if isinstance(harden, int):
        if harden < 0:
            raise ValueError(f"harden must not be negative, not {harden}")
        return
    known = (*HARDENINGS, *_SETS)
    for name in _named(harden):
        if name not in known:
            raise ValueError(f"harden takes {', '.join(known)}, or a number of steps, not {name!r}")
