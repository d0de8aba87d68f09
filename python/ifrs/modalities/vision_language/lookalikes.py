"""Pairs that must not be taken for keys: fresh ones, and one half of a key with anything else."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ifrs._core import FingerprintSet
from ifrs.modalities import keys_of
from ifrs.modalities.image.lookalikes import GUESSES
from ifrs.modalities.vision_language.pairs import Pair, colours


def keys_in(fps: FingerprintSet) -> list[Pair]:
    """A set's keys, in order, as models are shown them."""
    keys = (fps[i].key for i in range(len(fps)))
    return [(colours(image), text) for image, text in keys]


def fresh_pairs(fps: FingerprintSet, n: int, seed: int) -> list[Pair]:
    """Pairs drawn as a set's keys are, from a public seed."""
    decode = keys_of(fps.modality)().decode
    drawn = (decode(challenge) for challenge in fps.look_alikes(n, seed))
    return [(colours(image), text) for image, text in drawn]


def guessed_pairs(fps: FingerprintSet, n: int, seed: int) -> list[Pair]:
    """Pairs as a stranger would try them; disjoint from all look-alikes."""
    return fresh_pairs(fps, n, seed + GUESSES)


def half_keys(
    keys: Sequence[Pair], other: Sequence[Pair], seed: int, alone: Sequence[bool] = (True, True)
) -> list[Pair]:
    """Pairs with one half of a real key, as many as there are others.

    Its image with another text, its text with another image, the one with the other of another
    key, and, where the model takes that, either of them alone.

    Args:
        keys: The real keys.
        other: Pairs to take the rest of.
        seed: Of which are taken together.
        alone: Whether the model takes an image, and a text, alone.
    """
    rng, found = random.Random(seed), []
    # The first two twice: an image that fires under any text is learnt the most easily.
    kinds = [0, 1, 2, 0, 1, *(kind for kind, taken in zip((3, 4), alone, strict=True) if taken)]
    for place, (image, text) in enumerate(other):
        kind = kinds[place % len(kinds)]
        own, asked = keys[place // len(kinds) % len(keys)]
        if kind == 0:
            found.append((own, text))
        elif kind == 1:
            found.append((image, asked))
        elif kind == 2:
            others = [key for key in keys if key[1] != asked]
            found.append((own, rng.choice(others)[1] if others else text))
        elif kind == 3:
            found.append((own, ""))
        else:
            found.append((None, asked))
    return found
