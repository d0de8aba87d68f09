"""A set made to fit the answers is claimed with a date before the suspect's release.

Only a time stamp of an authority shows when a claim was made.
"""

from stage import Forged, Stage, told

STOPPED_BY = "no verified time stamp shows that the claim is older"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    forged = case.forged(told(case))
    return Forged(forged.bundle, forged.claim, {"released": "2026-05-15"})
