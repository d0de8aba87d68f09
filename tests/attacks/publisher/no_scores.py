"""A bundle of likelihood holds no word scores, and its ranks are the first.

Likelihood evidence holds what its ranks follow from.
"""

from stage import Forged, Stage, sealed, weighed
from worded import likelihood

STOPPED_BY = "are not two lists of one number for each word"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="local")
    bundle = likelihood(case.bundle, [None] * len(case.keys), rank=1)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
