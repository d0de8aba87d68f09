"""Evidence for one claim is shown with another of the same publisher and set.

A bundle holds the claim that it was made for.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "made for another claim than this one"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    return Forged(sealed(told(case)), case.keys.claim(created="2025-01-01T00:00:00Z"))
