"""Keys were asked until the best moment, and the rest not at all; the test is said to be exact.

Keys that are not shown count as silent, and a part of them is weighed by the e-process.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, n=30, test="sequential")
    process = [query["cumulative_log10_e"] for query in case.bundle["queries"]]
    best = process.index(max(process)) + 1
    case.bundle["queries"] = case.bundle["queries"][:best]
    case.bundle["test"] = "exact"
    return Forged(sealed(weighed(case.bundle, 30)), case.claim)
