"""The bundle is of the first format, whose decoys are public, and the claim of scheme v3.

The first format is taken of claims of scheme v2 alone.
"""

from derive import digest_of, public_decoys
from stage import Forged, Stage, reranked, sealed, weighed
from suspects import avoiding

STOPPED_BY = "the claim is of a later scheme"
WEAK = "the suspect has to know the claim, and then gains a factor of dozens"


def attack(stage: Stage) -> Forged:
    case = stage.case(n=4)
    digest = digest_of(case.claim)
    rivals = [public_decoys(digest, index, 4095) for index in range(4)]
    bundle = case.answered([avoiding(known, stage.dice) for known in rivals])
    bundle |= {"format": "ifrs/evidence/v1", "test": "fixed"}
    del bundle["runs"]
    reranked(bundle, case.keys, case.claim, public=True)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
