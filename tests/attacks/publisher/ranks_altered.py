"""Every rank is the first, and everything that follows from it is mended.

Ranks are recomputed from the answers.
"""

from stage import Forged, Stage, sealed, weighed

STOPPED_BY = "its rank is not what follows from the answer"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    for query in case.bundle["queries"]:
        query["rank"] = [1]
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
