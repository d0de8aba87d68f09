"""Every response is what the suspect happened to say, with ranks and scores to fit.

Responses are recomputed from the claim.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

STOPPED_BY = "its response is not the one that follows from the claim"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing)
    for query in case.bundle["queries"]:
        query |= {"response": query["answer"] + " ", "rank": [1], "score": 1.0, "fired": True}
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
