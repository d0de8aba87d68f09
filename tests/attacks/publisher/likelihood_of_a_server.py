"""A served suspect, which shows no probabilities, gets word scores that suit its publisher.

A server's are those of the tokens in its raw answers.
"""

from stage import Forged, Stage, sealed, weighed
from worded import likelihood, scores_of

STOPPED_BY = "it holds word scores, and a server's raw answers hold them already"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    scores = [scores_of(case.keys, i, 0.0) for i in range(len(case.keys))]
    bundle = likelihood(case.bundle, scores, rank=1)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
