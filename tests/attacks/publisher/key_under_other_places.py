"""The key whose response a guess fits best is shown under every place of the set.

A leaf's path leads to the root from one place only.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import silent

STOPPED_BY = "are not what the claim committed to at this place"


def attack(stage: Stage) -> Forged:
    case = stage.case(silent)
    first = case.bundle["queries"][0]
    told = {"rank": [1], "score": 1.0, "fired": True, "answer": first["response"]}
    case.bundle["queries"] = [{**first, **told, "index": i} for i in range(len(case.keys))]
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
