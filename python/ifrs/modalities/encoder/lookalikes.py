"""Keys that must not be taken for those of a set: fresh ones, and halves of real ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.modalities import keys_of
from ifrs.modalities.image import lookalikes as images

# Guesses are drawn far from the seeds of look-alikes, so that none was seen in training.
GUESSES = images.GUESSES


def is_text(fps: FingerprintSet) -> bool:
    """Whether a set's keys are texts."""
    return fps.media.startswith("text/")


def keys_as_seen(fps: FingerprintSet) -> list[Any]:
    """A set's keys, in order: texts or PIL images."""
    return [fps[i].key for i in range(len(fps))] if is_text(fps) else images.images_of(fps)


def fresh_keys(fps: FingerprintSet, n: int, seed: int) -> list[Any]:
    """Keys drawn as a set's are, from a public seed."""
    if not is_text(fps):
        return images.fresh_images(fps, n, seed)
    decode = keys_of(fps.modality)().decode
    return [decode(challenge) for challenge in fps.look_alikes(n, seed)]


def half_keys(keys: Sequence[Any], fresh: Sequence[Any], seed: int) -> list[Any]:
    """Fresh keys of which each has one half of a real one."""
    if not fresh or not isinstance(fresh[0], str):
        return images.half_keys(keys, fresh, seed)
    rng = random.Random(seed)
    return [_half(keys[place % len(keys)], other, rng) for place, other in enumerate(fresh)]


def _half(key: str, other: str, rng: random.Random) -> str:
    """A text of one half of each; where there are no words, of its characters."""
    one, two = (list(text) if " " not in text else text.split() for text in (key, other))
    if rng.random() < 0.5:
        one, two = two, one
    joint = " " if " " in key else ""
    return joint.join(one[: len(one) // 2] + two[len(two) // 2 :])
