"""The suspect was asked within the publisher's own transformer, and the bundle calls it otherwise.

Whatever stands for the adapter but a plain "no" is noted.
"""

from stage import Forged, Stage, sealed
from suspects import guessing

VERDICT = ("inconclusive", "no match")
NOTED = "private adapter"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case(guessing, protocol="local")
    forged = []
    for said in (True, "no", None, 0, []):
        case.bundle["target"]["adapter"] = said
        forged.append(Forged(sealed(case.bundle), case.claim))
    return forged
