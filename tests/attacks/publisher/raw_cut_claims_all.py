"""`raw_cut` says that the raw answer was too long to keep, and the answer says the response.

A key whose raw answer was not kept has the last rank.
"""

from babble import pieces
from stage import Forged, Stage, sealed, unsealed

STOPPED_BY = "its rank is not what follows from the answer"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    forged = pieces(case, case.responses)
    bundle = unsealed(forged)
    for query in bundle["queries"]:
        query["asked"]["raw_cut"] = {"characters": 2_000_000, "sha256": "00" * 32}
    return Forged(sealed(bundle), case.claim)
