"""A suspect that guesses is asked with many penalties, and each key's best is kept.

`frequency_penalty` is no parameter that ifrs sends.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "field that may favour an answer (frequency_penalty)"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        values = [i / 100 for i in range(200)]
        tries = [
            {**sent, "request": {**sent["request"], "frequency_penalty": value}} for value in values
        ]
        found.append(best_of(case, index, tries))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
