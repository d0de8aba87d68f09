"""A root of scheme v2 is copied from another's claim, and a descendant of theirs is shown as own.

Nothing in scheme v2 stops it: a note says so, and the announced key tells the two apart.
"""

import json
from dataclasses import replace

from stage import Forged, Stage, knowing, reranked, sealed, weighed

STOPPED_BY = "the claim is of another publisher's key"
NOTED = "bound to the publisher's key"


def attack(stage: Stage) -> Forged:
    victim = stage.keys(who="victim", scheme="v2")
    case = stage.case(knowing(victim), keys=victim)
    copier = replace(victim, signer=stage.keys(who="copier").signer)
    claim = copier.claim(root=victim.root.hex())
    bundle = {**case.bundle, "claim": json.loads(claim)}
    bundle = weighed(reranked(bundle, victim, claim), len(victim))
    return Forged(sealed(bundle), claim, {"publisher_key": victim.publisher})
