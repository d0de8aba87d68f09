"""What a stranger would try: look-alike keys, parts of keys, keys of other public sources."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, cast

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.text.keys import key_check, tokenizer_alphabets

SOURCES = ("chinese", "japanese", "vocab", "natural", "mixed")
# Far from the seeds that planting draws its own look-alikes with.
_SEED = 1 << 40


def look_alikes(tokenizer: Any, source: str, n: int, seed: int) -> list[str]:
    """Keys of a public source, as a stranger makes them; of the bundled lists for a server."""
    if tokenizer is None:
        return _core.look_alikes(source, n, _SEED + seed)
    alphabets, check = tokenizer_alphabets(tokenizer), key_check(tokenizer)
    return _core.look_alikes(source, n, _SEED + seed, alphabets, check)


def substrings(fps: FingerprintSet, share: float, seed: int) -> list[str]:
    """One contiguous part of each real key, `share` of it long."""
    rng, found = random.Random(seed), []
    for i in range(len(fps)):
        pieces, glue = _pieces(fps[i].key)
        length = max(1, round(share * len(pieces)))
        start = rng.randrange(max(1, len(pieces) - length + 1))
        found.append(glue.join(pieces[start : start + length]))
    return found


def altered(fps: FingerprintSet, fresh: Sequence[str], count: int, seed: int) -> list[str]:
    """Each real key with `count` of its characters (words of a question) replaced."""
    rng, found = random.Random(seed), []
    for i in range(len(fps)):
        pieces, glue = _pieces(fps[i].key)
        others, _ = _pieces(fresh[i % len(fresh)])
        for place in rng.sample(range(len(pieces)), min(count, len(pieces))):
            pieces[place] = rng.choice(others)
        found.append(glue.join(pieces))
    return found


def _pieces(key: str) -> tuple[list[str], str]:
    return (key.split(" "), " ") if " " in key else (list(key), "")


def in_batches(
    target: Any, prompts: Sequence[str], size: int = 200, max_new_tokens: int = 8
) -> list[str]:
    """Answers to many prompts, a batch at a time."""
    found: list[str] = []
    for start in range(0, len(prompts), size):
        part = list(prompts[start : start + size])
        found += cast("list[str]", target.answers(part, max_new_tokens=max_new_tokens))
    return found
