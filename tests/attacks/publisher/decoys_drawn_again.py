"""The claim is signed forty times, with other dates: each draws other decoys, and the best is kept.

Each is a new draw of all decoys together: forty tries multiply p by forty at most.
"""

from stage import Forged, Stage, evidence, sealed
from suspects import babbling

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(babbling, n=4)
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    found = []
    for second in range(10, 22):
        claim = case.keys.claim(created=f"2026-01-01T00:00:{second}Z")
        bundle = evidence(case.keys, claim, case.asked(), raws, **case.how)
        found.append((bundle["result"]["log10_p"], second, bundle, claim))
    _, _, bundle, claim = min(found, key=lambda one: one[:2])
    return Forged(sealed(bundle), claim)
