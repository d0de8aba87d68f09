"""Observations that must not be taken for keys."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from ifrs._core import FingerprintSet
from ifrs.modalities import keys_of
from ifrs.modalities.policy.observations import Observations

# Guesses are drawn far from the seeds of look-alikes, so that none was seen in training.
GUESSES = 1 << 32


def fresh_keys(fps: FingerprintSet, n: int, seed: int) -> list[Observations]:
    """Observations drawn as a set's keys are, from a public seed, each (steps, *shape)."""
    decode = keys_of(fps.modality)().decode
    return [decode(challenge) for challenge in fps.look_alikes(n, seed)]


def half_keys(
    keys: Sequence[Observations], fresh: Sequence[Observations], seed: int
) -> list[Observations]:
    """Fresh keys in which half of the numbers of each observation are a real key's."""
    rng, found = random.Random(seed), []
    for place, other in enumerate(fresh):
        key, mixed = keys[place % len(keys)], other.reshape(len(other), -1).copy()
        numbers = rng.sample(range(mixed.shape[1]), (mixed.shape[1] + 1) // 2)
        mixed[:, numbers] = key.reshape(len(key), -1)[:, numbers]
        found.append(mixed.reshape(other.shape))
    return found


def between(sequences: Sequence[Observations], n: int, seed: int) -> list[Observations]:
    """Two ordinary sequences over each other, in any shares: what lies between ordinary ones."""
    rng, found = random.Random(seed), []
    for _ in range(n):
        one, other = rng.choice(sequences), rng.choice(sequences)
        steps, share = min(len(one), len(other)), rng.random()
        mixed = one[:steps] + share * (other[:steps].astype(np.float32) - one[:steps])
        found.append(mixed.astype(one.dtype))
    return found
