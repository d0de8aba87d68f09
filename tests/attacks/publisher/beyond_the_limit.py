"""The answer comes from beyond the 16,384 characters that are looked at, in one of 800,000.

An answer is the beginning of the raw one, whatever its length.
"""

from babble import best_pairs, limits, pieces
from stage import Forged, Stage
from suspects import babbling

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def rambling(said, asked, dice):
    """Eight hundred thousand characters."""
    return " ".join(babbling(said, asked, dice) for _ in range(8))


def attack(stage: Stage) -> Forged:
    case = stage.case(rambling, protocol="local", parameters=limits(500_000), n=3)
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    found = best_pairs(case, [text[20_000:] for text in raws])
    parts = [text[20_000 + a : 20_000 + b] for text, (a, b) in zip(raws, found, strict=True)]
    return pieces(case, parts)
