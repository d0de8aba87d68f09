"""A suspect babbles, and the answer ends where the response is near.

An answer is all of the raw answer, or its first 16,384 characters.
"""

from babble import best_pairs, limits, pieces
from stage import Forged, Stage
from suspects import babbling

STOPPED_BY = "its answer is not the whole of what its raw answer holds"
WEAK = "what stands before it holds as much of the decoys"


def attack(stage: Stage) -> Forged:
    case = stage.case(babbling, protocol="local", parameters=limits(2000), n=3)
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    found = best_pairs(case, [text[:-20] for text in raws])
    parts = [text[:end] for text, (_, end) in zip(raws, found, strict=True)]
    return pieces(case, parts)
