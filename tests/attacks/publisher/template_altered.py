"""The bundle says another template, so that more of a prompt or less would count as the key.

The template is the one that was claimed.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "template is not the one that was claimed"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    bundle = told(case)
    bundle["template"] = {"before": "", "after": ""}
    return Forged(sealed(bundle), case.claim)
