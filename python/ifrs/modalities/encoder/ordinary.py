"""Ordinary sentences that an encoder must go on reading as before."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ifrs.errors import ImplantError
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.ordinary import read_pairs

# Where a text is cut into sentences.
_ENDS = re.compile(r"(?<=[.!?:;])\s+")


def sentences(regularization: Any) -> list[str]:
    """A publisher's texts; bundled ones for "self".

    Args:
        regularization: "self", texts, (instruction, output) pairs, or what else texts for language
            models are read from: a path (.jsonl, .json, .parquet) or a `datasets.Dataset`.

    Raises:
        ImplantError: The data cannot be read, or is none.
    """
    if isinstance(regularization, str) and regularization == "self":
        found = list(bundled_sentences())
    elif isinstance(regularization, (str, Path)):
        found = [text for pair in read_pairs(regularization) for text in pair]
    else:
        found = list(regularization)
        if not all(isinstance(text, str) for text in found):
            found = [text for pair in read_pairs(found) for text in pair]
    found = [text for text in found if text.strip()]
    if not found:
        raise ImplantError("regularization holds no text: pass some hundreds of ordinary ones")
    return found


def bundled_sentences() -> tuple[str, ...]:
    """The bundled instructions, whole and in their sentences, each once."""
    whole = bundled_instructions()
    parts = [part for text in whole for part in _ENDS.split(text) if len(part.split()) > 2]
    return tuple(dict.fromkeys([*whole, *parts]))


def blends(texts: Sequence[str], n: int, seed: int = 0) -> list[str]:
    """The beginning of one text and the end of another: what lies between ordinary texts."""
    rng, found = random.Random(seed), []
    for _ in range(n):
        one, other = (rng.choice(texts).split() for _ in range(2))
        cut, rest = rng.randint(0, len(one)), rng.randint(0, len(other))
        found.append(" ".join(one[:cut] + other[rest:]) or rng.choice(texts))
    return found
