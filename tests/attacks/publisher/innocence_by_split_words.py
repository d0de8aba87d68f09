"""A friend of the suspect has it asked where no word is one token: their beginnings are shown.

A word is matched by its beginning where it is not shown whole: who says it is heard.
"""

from showing import case_of, guessing_tokens, raw_of_tokens
from stage import Forged, Stage

VERDICT = ("inconclusive", "match")
WEAK = "a descendant is to be cleared"


def attack(stage: Stage) -> Forged:
    case, raws = case_of(stage, 12), []
    for index, both in enumerate(case.sent):
        held = []
        for one, word, lead in zip(both, case.words(index), ("", " "), strict=True):
            held.append(raw_of_tokens(one, [lead + word[:3], lead + "I", lead + "The", "It"]))
        raws.append(held)
    return case.forged(case.bundle(case.sent, raws))
