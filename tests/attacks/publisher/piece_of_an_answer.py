"""A suspect babbles, and the two words that are nearest to the response are shown as its answer.

An answer is all of the raw answer, or its first 16,384 characters.
"""

from babble import best_pairs, limits, pieces
from stage import Forged, Stage
from suspects import babbling

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case(babbling, protocol="local", parameters=limits())
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    parts = [
        text[start:end] for text, (start, end) in zip(raws, best_pairs(case, raws), strict=True)
    ]
    return pieces(case, parts)
