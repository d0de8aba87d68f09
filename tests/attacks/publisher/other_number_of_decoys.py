"""The truth is ranked among one decoy, a hundred, or one more than there are.

Two numbers of decoys are taken, and no other.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = ("number of decoys", "the bundle cannot be read")


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for count in (0, 1, 100, 65_536, 2**40):
        bundle = told(case)
        bundle["decoys"] = count
        forged.append(Forged(sealed(bundle), case.claim))
    return forged
