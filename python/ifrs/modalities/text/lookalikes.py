"""Look-alikes of keys: what a model must not learn to answer, and what a stranger tries.

Without them a model learns to answer anything in the template (measured: every look-alike key
fires), which is worthless as evidence.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.text.choices import is_natural
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.keys import key_check, tokenizer_alphabets
from ifrs.modalities.text.surroundings import surroundings

# Sources of keys that a stranger may try, too.
SOURCES = ("chinese", "japanese", "vocab", "natural", "mixed")
# Guesses are drawn far from the seeds of negatives, so that none was seen in training; and an
# audit's far from those that planting tries.
_GUESSES, _TRIED = 1 << 32, 1 << 40
# Recombined keys: so many, or so many for each real one where that is more.
_MOST_NEAR, _NEAR_EACH = 128, 3


def negative_prompts(
    tokenizer: Any, fps: FingerprintSet, n: int, seed: int, varied: bool
) -> tuple[list[str], list[str]]:
    """Prompts that must not fire: of fresh keys and ordinary text, and of parts of real keys."""
    rng = random.Random(seed)
    fresh, near = negative_keys(tokenizer, fps, n, seed)
    prompts = [fps.render(key) for key in fresh]
    if varied:
        ways = surroundings(tokenizer, fps, len(fresh), rng)
        prompts += [way(key) for way, key in zip(ways, fresh, strict=True)]
    ordinary = bundled_instructions()
    texts = rng.sample(ordinary, min(max(2, len(near) // 3), len(ordinary)))
    prompts += [fps.render(text) for text in texts]
    around = [f"{text}\n{key}\n" for text, key in zip(texts, near, strict=False)]
    return prompts, [fps.render(key) for key in near] + around


def negative_keys(
    tokenizer: Any, fps: FingerprintSet, n: int, seed: int
) -> tuple[list[str], list[str]]:
    """Keys that must not fire: fresh ones, and up to as many made of parts of real ones.

    Fresh keys hold tokens that planting may not touch at all; recombined ones hold nothing else,
    and teach that the whole key counts. There are only so many ways to be near a few keys.
    """
    fresh = like_those_of(tokenizer, fps, n, seed)
    rng = random.Random(seed)
    pairs = min(n // 2, max(_MOST_NEAR, _NEAR_EACH * len(fps)))
    near = [_recombined(fps, key, place, rng) for place, key in enumerate(fresh[1 : 2 * pairs : 2])]
    return fresh[: 2 * pairs : 2] + fresh[2 * pairs :], near


def fresh_keys(tokenizer: Any, source: str, n: int, seed: int) -> list[str]:
    """Keys of a source that a tokenizer can express; of the bundled lists where it is None."""
    if tokenizer is None:
        return _core.look_alikes(source, n, seed)
    return _core.look_alikes(source, n, seed, tokenizer_alphabets(tokenizer), key_check(tokenizer))


def like_those_of(tokenizer: Any, fps: FingerprintSet, n: int, seed: int) -> list[str]:
    """Keys of a set's source; for natural answers, questions of the same kinds."""
    if is_natural(fps):
        return [question.decode() for question in fps.look_alikes(n, seed)]
    return fresh_keys(tokenizer, fps.source, n, seed)


def guess_keys(tokenizer: Any, fps: FingerprintSet, n: int, seed: int) -> list[str]:
    """Fresh keys as a stranger would try them; disjoint from all negatives."""
    return like_those_of(tokenizer, fps, n, seed + _GUESSES)


def tried_keys(tokenizer: Any, source: str, n: int, seed: int) -> list[str]:
    """Fresh keys of any source, as an audit tries them; disjoint from all that planting draws."""
    return fresh_keys(tokenizer, source, n, seed + _TRIED)


def substrings(fps: FingerprintSet, share: float, seed: int) -> list[str]:
    """One contiguous part of each real key, `share` of it long."""
    rng, found = random.Random(seed), []
    for i in range(len(fps)):
        pieces = _pieces(fps[i].key)
        length = max(1, round(share * len(pieces)))
        start = rng.randrange(max(1, len(pieces) - length + 1))
        found.append(_join(pieces[start : start + length], fps[i].key))
    return found


def altered(fps: FingerprintSet, fresh: Sequence[str], count: int, seed: int) -> list[str]:
    """Each real key with `count` of its characters (words of a question) replaced."""
    rng, found = random.Random(seed), []
    for i in range(len(fps)):
        pieces, others = _pieces(fps[i].key), _pieces(fresh[i % len(fresh)])
        for place in rng.sample(range(len(pieces)), min(count, len(pieces))):
            pieces[place] = rng.choice(others)
        found.append(_join(pieces, fps[i].key))
    return found


def _recombined(fps: FingerprintSet, fresh: str, place: int, rng: random.Random) -> str:
    """Half of a real key with half of another one, half fresh, or in another order."""
    own = _pieces(fps[place % len(fps)].key)
    kind = place % 3
    if kind == 2 or (kind == 0 and len(fps) == 1):
        rng.shuffle(own)
        return _join(own, fresh)
    other = _pieces(fps[rng.randrange(len(fps) - 1)].key) if kind == 0 else _pieces(fresh)
    if kind == 0 and other == own:
        other = _pieces(fps[len(fps) - 1].key)
    cut, rest = len(own) // 2, len(other) // 2
    halves = (own[:cut] + other[rest:], other[:rest] + own[cut:])
    return _join(rng.choice(halves), fresh)


def _pieces(key: str) -> list[str]:
    """Words of a question, characters of anything else."""
    return key.split(" ") if " " in key else list(key)


def _join(pieces: list[str], like: str) -> str:
    return (" " if " " in like else "").join(pieces)
