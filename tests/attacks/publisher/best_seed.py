"""A suspect that guesses is asked under all keys with many seeds, and the best seed is kept.

A seed is one for all keys: a choice among a hundred multiplies the p-value by a hundred at most.
"""

import suspects
from stage import Forged, Stage

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    keys = stage.keys(4)
    found = []
    for seed in range(12):
        case = stage.case(suspects.guessing, keys=keys, parameters={"seed": seed})
        found.append((case.bundle["result"]["log10_p"], seed, case))
    return min(found, key=lambda one: one[:2])[2].forged()
