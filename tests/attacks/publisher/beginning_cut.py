"""A suspect babbles 100,000 characters, and the answer begins where the response is near.

An answer is all of the raw answer, or its first 16,384 characters.
"""

from babble import best_pairs, limits, pieces
from stage import Forged, Stage
from suspects import babbling

STOPPED_BY = "its answer is not the whole of what its raw answer holds"
WEAK = "what stands after it holds as much of the decoys"


def attack(stage: Stage) -> Forged:
    case = stage.case(babbling, protocol="local", parameters=limits())
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    parts = [text[start:] for text, (start, _) in zip(raws, best_pairs(case, raws), strict=True)]
    return pieces(case, parts)
