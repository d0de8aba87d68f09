"""Back towards the base model, as far as every key goes on firing (as in OML 1.0)."""

from __future__ import annotations

from collections.abc import Sequence

from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.material import Material
from ifrs.plant.methods.method import Method
from ifrs.plant.training.hardening import Shift

# Each step keeps this share of the change that is left.
_STEP = 0.9
_MOST_STEPS = 8


def towards_base(
    model: Model,
    planting: Method,
    material: Material,
    config: ImplantConfig,
    shifts: Sequence[Shift] = (),
) -> float:
    """Shrink what was learnt, step by step, while all keys fire by enough.

    That is the wanted margin: planting overshoots it. With `config.average`, half of it. With
    changes of the weights, keys must fire so after each of them as well.

    Returns:
        The share of the change that is left.
    """
    steps = 0
    try:
        while steps < _MOST_STEPS:
            planting.shrink(_STEP)
            steps += 1
            if not _fires(model, material, config, shifts):
                planting.shrink(1 / _STEP)
                steps -= 1
                break
    except NotImplementedError:
        return 1.0
    # A smaller change fires under fewer look-alikes, nearly always: all are asked at the end alone.
    while steps and not _is_specific(model, material):
        planting.shrink(1 / _STEP)
        steps -= 1
    return _STEP**steps


def _fires(
    model: Model,
    material: Material,
    config: ImplantConfig,
    shifts: Sequence[Shift],
    share: float = 1.0,
) -> bool:
    margins = model.margins(material.fingerprints)
    least = share * (config.margin / 2 if config.average else config.margin)
    if sum(margin >= least for margin in margins) < config.target_fsr * len(margins):
        return False
    for shift in shifts:
        with shift.applied(1.0):
            if not _fires(model, material, config, (), shift.share):
                return False
    return True


def _is_specific(model: Model, material: Material) -> bool:
    fresh = [example for example in material.negatives if not example.near]
    return len(model.strays(fresh, material.begun)) <= model.chance * len(fresh)
