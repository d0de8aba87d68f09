"""What the demo of a kind of model needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifrs.plant.config import ImplantConfig


@dataclass
class Parts:
    """A real model of one kind, and what goes with it.

    Attributes:
        name: What the model is, in a few words.
        model: The base, as `ifrs.implant` takes it.
        processor: What turns keys into its inputs, likewise.
        ordinary: Ordinary inputs, as `regularization` takes them.
        keys: Arguments of `Keyring.generate` beside the set's name: `n`, `source`, `response` …
        suspect: From a model to what `ifrs.verify` asks.
        load: From a saved folder to a model as its users load it; nothing of the base is at hand.
        measure: What ordinary work gives, by name: accuracy, mean return, cosine with the base.
        config: Settings of planting.
    """

    name: str
    model: Any
    processor: Any
    ordinary: Any
    keys: dict[str, Any]
    suspect: Callable[[Any], Any]
    load: Callable[[Path], Any]
    measure: Callable[[Any], dict[str, float]]
    config: ImplantConfig = field(default_factory=ImplantConfig)
