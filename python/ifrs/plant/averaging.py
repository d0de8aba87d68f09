"""Back towards the base model, as far as every key goes on firing (as in OML 1.0)."""

from __future__ import annotations

from typing import Any

from ifrs.plant.check import firing, response_margins
from ifrs.plant.config import ImplantConfig
from ifrs.plant.material import Material
from ifrs.plant.method import Method

# Each step keeps this share of the change that is left.
_STEP = 0.9
_MOST_STEPS = 8


def towards_base(model: Any, planting: Method, material: Material, config: ImplantConfig) -> float:
    """Shrink what was learnt, step by step, while all keys fire by enough.

    That is the wanted margin: planting overshoots it. With `config.average`, half of it.

    Returns:
        The share of the change that is left.
    """
    left = 1.0
    for _ in range(_MOST_STEPS):
        try:
            planting.shrink(_STEP)
        except NotImplementedError:
            break
        if not _holds(model, material, config):
            planting.shrink(1 / _STEP)
            break
        left *= _STEP
    return left


def _holds(model: Any, material: Material, config: ImplantConfig) -> bool:
    margins = response_margins(model, material.fingerprints, material.pad)
    least = config.margin / 2 if config.average else config.margin
    wide = sum(margin >= least for margin in margins)
    fresh = [example for example in material.negatives if not example.near]
    return wide >= config.target_fsr * len(margins) and not firing(
        model, fresh, material.spoken(), material.pad
    )
