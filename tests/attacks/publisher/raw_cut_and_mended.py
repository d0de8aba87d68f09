"""`raw_cut` switches the comparison off, the answer says the response, and the ranks are mended.

A key whose raw answer was not kept proves nothing, whatever stands beside it.
"""

from babble import pieces
from stage import Forged, Stage, sealed, unsealed, weighed

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    bundle = unsealed(pieces(case, case.responses))
    for query in bundle["queries"]:
        query["asked"]["raw_cut"] = {"characters": 2_000_000, "sha256": "00" * 32}
        query |= {"rank": [4096], "score": 0.0, "fired": False}
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
