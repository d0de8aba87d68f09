"""The server is to draw two hundred completions and to give back the likeliest.

`best_of` is no parameter that ifrs sends.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "field that may favour an answer (best_of)"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12, protocol="completions")
    found = []
    for index, sent in enumerate(case.asked()):
        tries = [
            {**sent, "request": {**sent["request"], "best_of": 2 + i, "seed": i}}
            for i in range(200)
        ]
        found.append(best_of(case, index, tries))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
