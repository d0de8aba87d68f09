"""Changes of the weights that keys must bear, by name.

Each is put on the weights while keys are learnt, and checked at the end. One file a change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ifrs.errors import ImplantError
from ifrs.modalities.model import Model
from ifrs.plant.changes.erasing import simulate_eraser
from ifrs.plant.changes.low_bits import LowBits
from ifrs.plant.changes.merging import Merged
from ifrs.plant.changes.pruning import Pruned
from ifrs.plant.config import ImplantConfig
from ifrs.plant.material import Material
from ifrs.plant.methods.method import Method
from ifrs.plant.training.hardening import Drift, Noise, Rounding, Shift, simulate_tuner
from ifrs.plant.training.statistics import Statistics, followed
from ifrs.runtime.examples import Example
from ifrs.runtime.partitioned import in_partitions
from ifrs.runtime.workers import Workers


@dataclass
class Planting:
    """What changes are made of; what several of them need is computed once."""

    model: Model
    method: Method
    material: Material
    config: ImplantConfig
    regularization: Any = field(repr=False)

    @cached_property
    def ordinary(self) -> list[Example]:
        """What a downstream user might tune on."""
        return self.model.tuning_examples(self.regularization)

    @cached_property
    def tuner(self) -> Drift:
        """Where a downstream tuner leads."""
        config = self.config
        steps, rate = config.tuner_steps, config.harden_rate
        return simulate_tuner(self.model, self.ordinary, steps=steps, rate=rate, seed=config.seed)


def _merging(planting: Planting) -> list[Shift]:
    return [Merged(planting.method), Merged(planting.method, planting.tuner)]


def _erasing(planting: Planting) -> list[Shift]:
    config = planting.config
    fresh = [example for example in planting.material.negatives if not example.near]
    steps, rate, seed = config.tuner_steps, config.harden_rate, config.seed
    model, ordinary = planting.model, planting.ordinary
    return [simulate_eraser(model, fresh, ordinary, steps=steps, rate=rate, seed=seed)]


# What `ImplantConfig(harden=…)` takes; other surroundings of a key are no change of weights.
CHANGES: dict[str, Callable[[Planting], list[Shift]]] = {
    "erasing": _erasing,
    "merging": _merging,
    "pruning": lambda planting: [Pruned(planting.model, planting.ordinary)],
    "rounding": lambda planting: [LowBits(planting.model, planting.method)],
    "surroundings": lambda planting: [],
    "tuning": lambda planting: [planting.tuner],
}


def changes_of(planting: Planting) -> list[Shift]:
    """The changes of the weights that keys must bear."""
    model, material, config = planting.model, planting.material, planting.config
    if (config.noise or {*config.hardenings} - {"surroundings"}) and in_partitions(model.module):
        raise ImplantError(
            "noise and harden change weights, which ZeRO-3 has partitioned: leave them out, or "
            "plant in one process"
        )
    found: list[Shift] = []
    if config.noise:
        found.append(Noise(model.moved(), config.noise, config.seed))
    if material.ordinary and followed(model):
        found.append(Statistics(model, material.ordinary, config.seed))
    types = narrower(model)
    if types:
        found.append(Rounding(model.module, types))
    for name in config.hardenings:
        found += CHANGES[name](planting)
    return found


def narrower(model: Model) -> dict[str, Any]:
    """The types of `Model.saved_types`, of weights that are whole in this process."""
    return {} if Workers(model.module).in_step else model.saved_types()
