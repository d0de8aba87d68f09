"""Of forty keys, those that a guessing suspect happens to fit best are shown, and no others.

A key that is not shown counts as silent, as does every failed one.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, n=40)
    best = sorted(case.bundle["queries"], key=lambda query: query["rank"])[:6]
    case.bundle["queries"] = sorted(best, key=lambda query: query["index"])
    return Forged(sealed(weighed(case.bundle, 40)), case.claim)
