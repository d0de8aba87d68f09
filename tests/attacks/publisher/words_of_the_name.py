"""The suspect's name holds both words of every response, apart; a server likes what it reads.

What the model's name or the address holds, the suspect need not have known.
"""

from showing import apart, case_of, raw_of, resembling
from stage import Forged, Stage

VERDICT = ("inconclusive", "no match")
LEAST_P = 0.1


def attack(stage: Stage) -> list[Forged]:
    keys = stage.keys(10)
    case_of(stage, 10, keys=keys)
    made = []
    for second in (True, False):
        name = apart(keys, stage.dice, second=second)
        case = case_of(stage.aside(), 10, keys=keys, name=name, second=second)
        raws = [[raw_of(one, resembling(one)) for one in both] for both in case.sent]
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made
