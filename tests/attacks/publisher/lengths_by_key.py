"""A suspect that babbles is cut off where its text fits the response best, key by key.

All keys are asked with one set of parameters, the length among them.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "not all asked in one way"
WEAK = "where an answer ends is a choice among dozens, which buys little"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.babbling)
    found = []
    for index, sent in enumerate(case.asked()):
        tries = [
            {**sent, "request": {**sent["request"], "max_tokens": 2 + length}}
            for length in range(30)
        ]
        found.append(best_of(case, index, tries))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
