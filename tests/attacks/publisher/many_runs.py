"""The bundle says that it is the best of two runs, or does not say.

A bundle is of one run, and says so.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "of a format that this version does not know"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for runs in (0, 2, 1000, None):
        bundle = told(case)
        bundle["runs"] = runs
        if runs is None:
            del bundle["runs"]
        forged.append(Forged(sealed(bundle), case.claim))
    return forged
