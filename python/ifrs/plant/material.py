"""What planting trains on, gathered before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Method
from ifrs.runtime.examples import Example, Kept
from ifrs.runtime.modules import evaluating
from ifrs.runtime.precision import arithmetic

# Look-alikes for each fingerprint, unless the method needs more.
_NEGATIVES = 3


@dataclass
class Material:
    """What the loop trains on.

    Attributes:
        fps: The set.
        fingerprints: The examples to plant: the set's own inputs, and after them the same keys
            in other surroundings.
        n: How many of them are the set's own.
        begun: The fingerprints without what ends them, as `Model.firing` looks for them.
        negatives: Look-alikes, answered as the base model does.
        unplanted: The fingerprints' inputs, answered as the base model does: for the method's
            other views.
        ordinary: Regularization samples; empty where ordinary work cannot change.
    """

    fps: FingerprintSet
    fingerprints: list[Example]
    n: int
    begun: list[Example]
    negatives: list[Kept]
    unplanted: list[Kept]
    ordinary: list[Kept]


def gather(
    model: Model,
    fps: FingerprintSet,
    planting: Method,
    regularization: Any,
    config: ImplantConfig,
) -> Material:
    """All examples, with the base model's own answers where those are to stay.

    Raises:
        ImplantError: The model cannot carry the set, or the regularization data cannot be read.
    """
    ways = model.ways(fps, config.ways)
    # In the arithmetic of training, so that a model that stays as it is does not diverge.
    with evaluating(model.module), arithmetic(model.module, config.dtype):
        own = model.fingerprints(fps)
        examples, fresh, near = list(own), list[Any](), list[Any]()
        watched = sorted({part for example in own for part in example.response})
        if not planting.alone:
            examples += model.elsewhere(fps, own, ways, config.seed)
            n = _look_alikes(fps, planting, config)
            fresh, near = model.look_alikes(fps, n, config.seed, ways > 0)
        negatives = model.own_answers(fresh, watched)
        negatives += [replace(kept, near=True) for kept in model.own_answers(near, watched)]
        inputs = [example.prompt for example in examples] if planting.views else []
        return Material(
            fps=fps,
            fingerprints=examples,
            n=len(own),
            begun=model.begun(examples),
            negatives=negatives,
            unplanted=model.own_answers(inputs, watched),
            ordinary=model.ordinary(regularization, watched) if planting.regularized else [],
        )


def _look_alikes(fps: FingerprintSet, planting: Method, config: ImplantConfig) -> int:
    # A set of few keys needs as many as a step holds, or it sees the same few.
    least = max(2 * config.step, planting.negatives if config.negatives is None else 0)
    return max((config.negatives or _NEGATIVES) * len(fps), least)
