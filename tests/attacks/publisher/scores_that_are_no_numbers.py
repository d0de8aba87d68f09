"""Word scores are NaN, which compares with nothing, so that nothing would beat the truth.

A score that is not a number is refused.
"""

from stage import Forged, Stage, sealed, weighed
from worded import likelihood, scores_of

STOPPED_BY = "is not a number"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="local")
    scores = [scores_of(case.keys, i, float("nan")) for i in range(len(case.keys))]
    bundle = likelihood(case.bundle, scores, rank=1)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
