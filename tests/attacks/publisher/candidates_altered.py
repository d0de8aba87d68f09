"""Every rank is one among a billion, and everything that follows is mended.

The number of candidates is that of the decoys and the truth.
"""

from stage import Forged, Stage, sealed, weighed

STOPPED_BY = "its rank is not what follows from the answer"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    for query in case.bundle["queries"]:
        query["candidates"] = [10**6]
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
