"""Pieces of long answers, and bundles that show a piece as the whole."""

from __future__ import annotations

import itertools
import re
from typing import Any

from stage import Case, Forged, fits, sealed


def limits(tokens: int = 100_000) -> dict[str, Any]:
    """Parameters under which a model at hand may write so much."""
    return {"max_new_tokens": tokens}


def best_pairs(case: Case, texts: list[str]) -> list[tuple[int, int]]:
    """Where in each text the two words stand that fit the key's response best."""
    found = []
    for text, response in zip(texts, case.responses, strict=True):
        words = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
        places = [(start, end) for (start, _), (_, end) in itertools.pairwise(words)]
        if not places:
            found.append((0, 0))
            continue
        good = fits([text[start:end] for start, end in places], response)
        found.append(places[good.index(max(good))])
    return found


def pieces(case: Case, parts: list[str], raws: list[str] | None = None) -> Forged:
    """A bundle whose answers are these parts of the raw answers: the suspect's, or those given."""
    whole = raws or [query["asked"]["raw"] for query in case.bundle["queries"]]
    bundle = case.answered(parts)
    for query, raw in zip(bundle["queries"], whole, strict=True):
        query["asked"]["raw"] = raw
    return Forged(sealed(bundle), case.claim)
