"""Ranks are among decoys that follow from the claim alone, as the first bundles had them.

In this format decoys are drawn under the leaf's salt.
"""

from stage import Forged, Stage, reranked, sealed, weighed
from suspects import babbling

STOPPED_BY = "its rank is not what follows from the answer"
WEAK = "by chance alone: the suspect does not know the claim"


def attack(stage: Stage) -> Forged:
    case = stage.case(babbling)
    reranked(case.bundle, case.keys, case.claim, public=True)
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
