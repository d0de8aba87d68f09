"""What a server showed is called a bundle of an older format, with word scores or without.

Servers show probabilities from format v4 on.
"""

from showing import case_of
from stage import Forged, Stage
from worded import likelihood, scores_of

STOPPED_BY = (
    "its word scores are said to be of a server",
    "it holds a second request",
    "it is no bundle",
)


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 4), []
    scores = [scores_of(case.keys, index, 0.0) for index in range(4)]
    for version in ("v1", "v3"):
        for held in ([None] * 4, scores):
            bundle = likelihood(case.told(), held, rank=1)
            made.append(case.forged(bundle | {"format": f"ifrs/evidence/{version}"}))
    made.append(case.forged(case.told() | {"evidence": "text", "format": "ifrs/evidence/v3"}))
    return made
