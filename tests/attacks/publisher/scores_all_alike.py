"""All words score alike, infinitely well, and the truth is said to stand first among them.

Ties count against the truth.
"""

from stage import Forged, Stage, sealed, weighed
from worded import likelihood, scores_of

STOPPED_BY = "its rank is not what follows from the answer"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="local")
    scores = [scores_of(case.keys, i, float("inf"), float("inf")) for i in range(len(case.keys))]
    bundle = likelihood(case.bundle, scores, rank=1)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
