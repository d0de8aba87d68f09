"""The suspect's name holds every response with letters missing: too little to count as named.

What the request holds as well as the answer counts for nothing.
"""

import suspects
from stage import Forged, Stage, slipped

VERDICT = ("inconclusive", "no match")
LEAST_P = 0.1


def attack(stage: Stage) -> Forged:
    keys = stage.keys()
    stage.case(suspects.introducing, keys=keys)
    name = "_".join(map(slipped, keys.responses))
    return stage.aside().case(suspects.introducing, keys=keys, name=name).forged()
