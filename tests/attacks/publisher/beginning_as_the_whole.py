"""The first keys are shown, and the exact p-value of these alone is claimed.

The exact test needs every key of the claim.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

STOPPED_BY = "is not what follows from the queries"
WEAK = "chance alone: the p-value claimed is the smallest of twenty"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, n=20)
    case.bundle["queries"] = case.bundle["queries"][:5]
    bundle = weighed(case.bundle, 5)
    bundle["result"]["log10_p"] -= 0.5
    bundle["result"]["p_value"] = 10 ** bundle["result"]["log10_p"]
    return Forged(sealed(bundle), case.claim)
