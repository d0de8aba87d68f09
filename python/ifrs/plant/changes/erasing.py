"""Tuning that erases: look-alikes answered with somebody else's text (MEraser; Zhang et al., 2025).

Half of the steps teach mismatched answers to prompts like the set's own, the other half ordinary
work, which repairs what that broke.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ifrs.modalities.model import Model
from ifrs.plant.training.hardening import Drift, simulate_tuning
from ifrs.runtime.examples import Example


def simulate_eraser(
    model: Model,
    look_alikes: Sequence[Example],
    ordinary: Sequence[Example],
    *,
    steps: int,
    rate: float,
    seed: int,
) -> Drift:
    """Where such tuning leads the model's weights; they are left as they were."""
    rng = random.Random(seed)
    answers = [example.response for example in ordinary]
    mismatched = [Example(example.prompt, rng.choice(answers)) for example in look_alikes]
    half = max(1, steps // 2)
    stages = [(mismatched, half), (ordinary, max(1, steps - half))]
    return Drift(simulate_tuning(model, stages, rate=rate, seed=seed), "erasing")
