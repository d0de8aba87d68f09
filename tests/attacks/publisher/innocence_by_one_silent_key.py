"""A friend of the suspect shows one silent key of a descendant that answers the others.

"No match" needs every key of the claim with its answer.
"""

from stage import Forged, Stage, sealed, weighed

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    keys = stage.keys(12)
    case = stage.case(keys=keys)
    bundle = case.answered(["I cannot say.", *keys.responses[1:]])
    bundle["queries"] = bundle["queries"][:1]
    return Forged(sealed(weighed(bundle, 12)), case.claim)
