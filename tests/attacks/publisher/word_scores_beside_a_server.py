"""A bundle of what a server showed holds word scores, too, in which the true words come first.

A server's raw answers hold its scores already.
"""

from showing import case_of
from stage import Forged, Stage
from worded import likelihood, scores_of

STOPPED_BY = "a server's raw answers hold them already"


def attack(stage: Stage) -> Forged:
    case = case_of(stage, 6)
    scores = [scores_of(case.keys, index, 0.0) for index in range(6)]
    return case.forged(likelihood(case.told(), scores, rank=1))
