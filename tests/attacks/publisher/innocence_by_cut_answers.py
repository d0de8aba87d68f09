"""A friend of the suspect says that every raw answer was too long to keep.

A key whose raw answer was not kept is no silent one.
"""

from stage import Forged, Stage, sealed, weighed

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    case = stage.case(n=12)
    for query in case.bundle["queries"]:
        query["asked"]["raw_cut"] = {"characters": 2_000_000, "sha256": "00" * 32}
        query |= {"rank": [4096], "score": 0.0, "fired": False}
    return Forged(sealed(weighed(case.bundle, 12)), case.claim)
