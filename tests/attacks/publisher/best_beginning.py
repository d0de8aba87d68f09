"""Of forty keys, as many are shown from the first on as give the best value.

A part of the keys is weighed by the e-process, whenever one stops.
"""

from stage import Forged, Stage, sealed, unsealed, weighed
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, n=40)
    found = []
    for count in (1, 2, 3, 5, 8, 13, 21, 34, 40):
        bundle = unsealed(case.forged())
        bundle["queries"] = bundle["queries"][:count]
        bundle = weighed(bundle, 40)
        found.append((bundle["result"]["log10_p"], count, bundle))
    return Forged(sealed(min(found, key=lambda one: one[:2])[2]), case.claim)
