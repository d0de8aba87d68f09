"""The suspect's name holds every response with slips, in a bundle of the first format.

Its ranks are stated as if requests held nothing; the verdict counts what they hold.
"""

from stage import Forged, Stage, reranked, sealed, slipped, weighed
from suspects import introducing

VERDICT = ("inconclusive", "no match")
NOTED = "the bundle is of format v1"


def attack(stage: Stage) -> Forged:
    keys = stage.keys(scheme="v2")
    stage.case(introducing, keys=keys)
    name = "_".join(map(slipped, keys.responses))
    case = stage.aside().case(introducing, keys=keys, name=name)
    case.bundle |= {"format": "ifrs/evidence/v1", "test": "fixed"}
    del case.bundle["runs"]
    bundle = reranked(case.bundle, keys, case.claim, public=True)
    return Forged(sealed(weighed(bundle, len(keys))), case.claim)
