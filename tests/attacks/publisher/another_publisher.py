"""Evidence for one publisher's claim is shown as another's.

The announced key is compared with the one that signed.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "the claim is of another publisher's key"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    announced = stage.keys(who="announced").publisher
    return Forged(sealed(told(case)), case.claim, {"publisher_key": announced})
