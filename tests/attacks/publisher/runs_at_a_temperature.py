"""A suspect is asked two hundred times at temperature 0.7, and each key's best answer is kept.

Temperature 0 is the only one.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "its request's temperature is not one that ifrs sends"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        warm = {**sent, "request": {**sent["request"], "temperature": 0.7}}
        found.append(best_of(case, index, [warm] * 200, list(range(200))))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
