"""A friend of the suspect calls it by the words of its keys, which then count for nothing.

Nor do they count as silent: a descendant that says them is not cleared.
"""

from showing import apart, case_of
from stage import Forged, Stage

VERDICT = ("inconclusive", "match")


def attack(stage: Stage) -> list[Forged]:
    keys, made = stage.keys(12), []
    case_of(stage, 12, keys=keys)
    for second in (True, False):
        name = apart(keys, stage.dice, second=second)
        case = case_of(stage.aside(), 12, keys=keys, name=name, second=second)
        made.append(case.forged(case.told()))
    return made
