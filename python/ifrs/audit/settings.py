"""How much an audit does, and with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ifrs.audit.data import Data


@dataclass(frozen=True)
class Settings:
    """Sizes and seeds; what they are goes into every record.

    Attributes:
        steps: Steps of a downstream tuner: 400 examples, as planting is measured on.
        batch: Examples in a step.
        rate: Its step size of AdamW on all weights.
        lora_rate: Its step size with LoRA.
        length: The longest training example, in tokens.
        readings: How many times the fingerprint is read along the steps.
        items: Items of each multiple-choice task.
        texts: Ordinary texts for perplexity and KL.
        tokens: The longest of them, in tokens.
        guesses: Look-alike keys tried.
        draws: Samples of each answer at a temperature.
        strangers: Keys of other publishers asked of the model.
        prompts: Ordinary prompts that set a filter's threshold.
        erasing: Mismatched samples of the erasing attack.
        seed: Of everything random but keys.
        decoys: Responses that each true one is ranked among in text.
        max_epochs: Of planting.
        batch_size: Of planting.
        dtype: Arithmetic of training: "auto", "float32" or "bfloat16".
    """

    steps: int = 50
    batch: int = 8
    rate: float = 2e-5
    lora_rate: float = 2e-4
    length: int = 256
    readings: int = 3
    items: int = 100
    texts: int = 30
    tokens: int = 160
    guesses: int = 1000
    draws: int = 3
    strangers: int = 500
    prompts: int = 320
    erasing: int = 320
    seed: int = 0
    decoys: int = 4095
    max_epochs: int = 120
    batch_size: int = 16
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    @classmethod
    def quick(cls) -> Settings:
        """Small sizes, for a first look in a quarter of an hour."""
        return cls(
            steps=30,
            readings=3,
            items=8,
            texts=12,
            guesses=100,
            draws=1,
            strangers=100,
            prompts=100,
            erasing=120,
        )

    def part(self, *names: str) -> dict[str, Any]:
        """The settings of these names, as plain data."""
        return {name: value for name, value in asdict(self).items() if name in names}


@dataclass(frozen=True)
class Given:
    """What a user gives an audit beside the model and the set.

    Attributes:
        data: Instruction data and multiple-choice items.
        settings: Sizes and seeds.
        ring: The open keyring of the set: keys sent to a server are recorded as spent in it.
        tasks: Tasks of lm-eval.
        task_files: A folder of the user's own task files for lm-eval.
        unrelated: Folders of models that have nothing to do with the subject.
        planting: Settings of `ImplantConfig` by method.
    """

    data: Data = field(default_factory=Data)
    settings: Settings = field(default_factory=Settings)
    ring: Any = None
    tasks: Sequence[str] = ()
    task_files: str | None = None
    unrelated: Sequence[Path] = ()
    planting: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
