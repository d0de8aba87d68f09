"""A friend of the suspect calls it by the words of its keys, which then count for nothing.

Nor do they count as silent: a descendant that says them is not cleared.
"""

from showing import apart, case_of
from stage import Forged, Stage

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    keys = stage.keys(12)
    case_of(stage, 12, keys=keys)
    name = apart(keys, stage.dice, second=False)
    case = case_of(stage.aside(), 12, keys=keys, name=name, second=False)
    return case.forged(case.told())
