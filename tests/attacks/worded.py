"""Word scores made up by a publisher."""

from __future__ import annotations

import base64
import struct
from typing import Any

from stage import Bundle, Keys


def scores_of(keys: Keys, index: int, truth: float, others: float = -9.0) -> list[str]:
    """Two lists of one score for each word, in which the true words have a score of their own."""
    first, rest = divmod(keys.pair(index), 2047)
    lists = []
    for place in (first, rest + (rest >= first)):
        scores = [others] * 2048
        scores[place] = truth
        lists.append(base64.b64encode(struct.pack("<2048f", *scores)).decode())
    return lists


def likelihood(bundle: Bundle, scores: list[Any], *, rank: int) -> Bundle:
    """The bundle as one of likelihood, in which every word has this rank."""
    bundle["evidence"] = "likelihood"
    for query, lists in zip(bundle["queries"], scores, strict=True):
        query |= {"word_scores": lists, "rank": [rank, rank], "candidates": [2048, 2047]}
    return bundle
