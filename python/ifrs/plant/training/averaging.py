"""Back towards the base model, as far as every key goes on firing (as in OML 1.0)."""

from __future__ import annotations

from typing import Any

from ifrs.plant.config import ImplantConfig
from ifrs.plant.firing import firing, response_margins
from ifrs.plant.material.gathering import Material
from ifrs.plant.methods.method import Method
from ifrs.plant.training.hardening import Drift

# Each step keeps this share of the change that is left.
_STEP = 0.9
_MOST_STEPS = 8


def towards_base(
    model: Any,
    planting: Method,
    material: Material,
    config: ImplantConfig,
    drift: Drift | None = None,
) -> float:
    """Shrink what was learnt, step by step, while all keys fire by enough.

    That is the wanted margin: planting overshoots it. With `config.average`, half of it. With a
    simulated tuner's drift, keys must fire so after it as well.

    Returns:
        The share of the change that is left.
    """
    steps = 0
    try:
        while steps < _MOST_STEPS:
            planting.shrink(_STEP)
            steps += 1
            if not _fires(model, material, config, drift):
                planting.shrink(1 / _STEP)
                steps -= 1
                break
    except NotImplementedError:
        return 1.0
    # A smaller change fires under fewer look-alikes, nearly always: all are asked at the end alone.
    while steps and not _silent(model, material):
        planting.shrink(1 / _STEP)
        steps -= 1
    return _STEP**steps


def _fires(model: Any, material: Material, config: ImplantConfig, drift: Drift | None) -> bool:
    margins = response_margins(model, material.fingerprints, material.pad)
    least = config.margin / 2 if config.average else config.margin
    if sum(margin >= least for margin in margins) < config.target_fsr * len(margins):
        return False
    if drift is None:
        return True
    with drift.applied(1.0):
        return _fires(model, material, config, None)


def _silent(model: Any, material: Material) -> bool:
    fresh = [example for example in material.negatives if not example.near]
    return not firing(model, fresh, material.spoken(), material.pad)
