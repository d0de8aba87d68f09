"""A suspect is asked two hundred times at temperature 0, and each key's best answer is kept.

At temperature 0 a suspect says the same again. One that does not is no suspect to ask; nothing in a
bundle shows it, and docs/explanation/statistics.md says what such runs cost.
"""

import suspects
from stage import Forged, Stage, best_of

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        found.append(best_of(case, index, [sent] * 200, list(range(200))))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
