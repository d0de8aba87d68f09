"""A served suspect, which shows no probabilities, gets word scores that suit its publisher.

Only a model at hand gives word scores.
"""

from stage import Forged, Stage, sealed, weighed
from worded import likelihood, scores_of

STOPPED_BY = "its word scores are said to be of a server that shows none"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    scores = [scores_of(case.keys, i, 0.0) for i in range(len(case.keys))]
    bundle = likelihood(case.bundle, scores, rank=1)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
