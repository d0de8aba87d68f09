"""Ten sets are claimed long before, the suspect is asked under all, and the best set is shown.

Each set is a verification of its own: ten of them multiply p by ten at most.
"""

from stage import Forged, Stage
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    cases = [stage.case(guessing, keys=stage.keys(4, who=f"set {i}")) for i in range(10)]
    return min(cases, key=lambda case: case.bundle["result"]["log10_p"]).forged()
