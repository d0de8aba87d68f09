"""A tree's first leaves have one path in sets of several sizes: the best is claimed afterwards.

A part of the keys is weighed by the e-process, and every size tried multiplies p by one.
"""

import json

from stage import Forged, Stage, evidence, reranked, sealed, weighed
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, n=8)
    raws = [query["asked"]["raw"] for query in case.bundle["queries"]]
    found = []
    for size in (5, 6, 7, 8):
        claim = case.keys.claim(n=size)
        bundle = resized(case, claim, raws, size)
        found.append((bundle["result"]["log10_p"], size, bundle, claim))
    _, _, bundle, claim = min(found, key=lambda one: one[:2])
    return Forged(sealed(bundle), claim)


def resized(case, claim, raws, size):
    """The first four keys, of a set that is said to have `size`."""
    bundle = evidence(case.keys, case.claim, case.asked(), raws, **{**case.how, "reveal": 4})
    bundle["claim"] = json.loads(claim)
    return weighed(reranked(bundle, case.keys, claim), size)
