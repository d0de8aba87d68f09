"""The publisher chooses a level of one half after the fact, and the bundle says "match" at it.

The verdict is that of the checker's level.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, alpha=0.5)
    level = min(0.99, 1.01 * case.bundle["result"]["p_value"])
    case.bundle["result"]["alpha"] = level
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
