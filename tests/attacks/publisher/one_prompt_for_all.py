"""All keys are one prompt under many salts: of fifty responses some fit the one answer well.

A key that is not shown counts as silent, whatever its prompt.
"""

from dataclasses import replace

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    keys = stage.keys(50)
    stage.case(guessing)
    alike = replace(keys, names=keys.names[:1] * 50)
    case = stage.aside().case(guessing, keys=alike)
    best = sorted(case.bundle["queries"], key=lambda query: query["rank"])[:5]
    case.bundle["queries"] = sorted(best, key=lambda query: query["index"])
    return Forged(sealed(weighed(case.bundle, 50)), case.claim)
