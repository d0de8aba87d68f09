"""A root is copied from another's claim, and the keys that were revealed under it are shown as own.

In scheme v3 a leaf holds its publisher's key.
"""

import json
from dataclasses import replace

from stage import Forged, Stage, knowing, sealed

STOPPED_BY = "are not what the claim committed to at this place"


def attack(stage: Stage) -> Forged:
    victim = stage.keys(who="victim")
    case = stage.case(knowing(victim), keys=victim)
    copier = replace(victim, signer=stage.keys(who="copier").signer)
    claim = copier.claim(root=victim.root.hex())
    case.bundle["claim"] = json.loads(claim)
    return Forged(sealed(case.bundle), claim)
