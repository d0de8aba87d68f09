"""A key is shown at a place that the set does not have.

Places are below the number of keys in the claim.
"""

from stage import Forged, Stage, sealed

STOPPED_BY = "not keys of the claim in order, each once"
WEAK = "nothing was asked under it"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for place in (len(case.keys), 100_000, 2**63):
        case.bundle["queries"][-1]["index"] = place
        forged.append(Forged(sealed(case.bundle), case.claim))
    return forged
