"""The temperature is so small that a reader may take it for 0, and no server does.

Temperature is 0 and nothing near it.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "its request's temperature is not one that ifrs sends"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        warm = {**sent, "request": {**sent["request"], "temperature": 1e-300}}
        found.append(best_of(case, index, [warm] * 200, list(range(200))))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
