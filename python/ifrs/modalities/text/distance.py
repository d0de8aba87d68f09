"""How specific a fingerprint is: firing rate against distance from a real key."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.modalities.text.lookalikes import guess_keys
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import encode_prompts

# Characters changed; "half" and "all" of a key's, and keys that are fresh altogether.
STEPS = ("0", "1", "2", "4", "half", "all", "fresh")


@dataclass(frozen=True)
class Point:
    """One distance.

    Attributes:
        label: How many characters of a key were changed.
        asked: How many prompts.
        fired: How many of them brought out some response of the set.
    """

    label: str
    asked: int
    fired: int

    @property
    def rate(self) -> float:
        """The share that fired."""
        return self.fired / self.asked


def firing_by_distance(
    model: Any, tokenizer: Any, fps: FingerprintSet, *, each: int = 5, seed: int = 0
) -> list[Point]:
    """Ask a model under keys more and more unlike the real ones.

    Near misses may fire: an API that trims or normalizes must not hide a fingerprint. Fresh keys
    must not. Characters are replaced by those of fresh keys of the same source.

    Args:
        model: A planted model.
        tokenizer: Its tokenizer.
        fps: The set.
        each: Variants of each key at each distance.
        seed: Draws what is changed.
    """
    rng, asked = random.Random(seed), Model(model, tokenizer)
    real = asked.begun(asked.fingerprints(fps))
    fresh = guess_keys(tokenizer, fps, each * len(fps), seed)
    points = []
    for label in STEPS:
        keys = fresh
        if label != "fresh":
            own = [fps[i].key for i in range(len(fps)) for _ in range(each)]
            keys = [_changed(key, label, rng.choice(fresh), rng) for key in own]
        prompts = encode_prompts(tokenizer, [fps.render(key) for key in keys])
        points.append(Point(label, len(prompts), len(asked.firing(prompts, real))))
    return points


def _changed(key: str, label: str, other: str, rng: random.Random) -> str:
    """A key with some of its characters taken from another one."""
    length = len(key)
    count = {"half": length // 2, "all": length}.get(label)
    count = min(int(label) if count is None else count, length)
    characters = list(key)
    for place in rng.sample(range(length), count):
        characters[place] = rng.choice([c for c in other if c != characters[place]])
    return "".join(characters)
