"""A friend of the suspect has it asked where no word is one token: their beginnings are shown.

A key is no silent one where its word begins with the token that came.
"""

from showing import case_of, raw_of_tokens
from stage import Forged, Stage

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    case, raws = case_of(stage, 12), []
    for index, both in enumerate(case.sent):
        held = []
        for one, word, lead in zip(both, case.words(index), ("", " "), strict=True):
            held.append(raw_of_tokens(one, [lead + word[:3], lead + "I", lead + "The", "It"]))
        raws.append(held)
    return case.forged(case.bundle(case.sent, raws))
