"""The request says no temperature, servers take 1, and each key's best answer is kept.

A request says temperature 0.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "its request does not say temperature 0"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        del sent["request"]["temperature"]
        found.append(best_of(case, index, [sent] * 200, list(range(200))))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
