"""The bundle says 65,535 decoys and ranks among 4,095.

Ranks follow from as many decoys as the bundle says.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

STOPPED_BY = "its rank is not what follows from the answer"
WEAK = "a guess is no match among as many either"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, n=3)
    case.bundle["decoys"] = 65_535
    for query in case.bundle["queries"]:
        query["candidates"] = [65_536]
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
