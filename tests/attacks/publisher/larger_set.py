"""A claim says more keys than its tree has.

Paths are those of a tree of so many leaves.
"""

import json

from stage import Forged, Stage, sealed, told

STOPPED_BY = "are not what the claim committed to at this place"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    bundle = told(case)
    claim = case.keys.claim(n=9)
    bundle["claim"] = json.loads(claim)
    return Forged(sealed(bundle), claim)
