"""The answer goes on where the raw one ends, as if it had been cut.

The answer equals the raw one, character by character.
"""

from babble import pieces
from stage import Forged, Stage
from suspects import guessing

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, protocol="local")
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    return pieces(case, [f"{a} {b}" for a, b in zip(raws, case.responses, strict=True)])
