"""A suspect that guesses is asked with many values of `top_p`, and each key's best is kept.

All keys are asked with one set of parameters.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "not all asked in one way"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        tries = [
            {**sent, "request": {**sent["request"], "top_p": (1 + i) / 200}} for i in range(200)
        ]
        found.append(best_of(case, index, tries))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
