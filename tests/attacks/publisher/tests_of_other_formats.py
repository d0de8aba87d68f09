"""The bundle's test is one of another format: Fisher's in the new one, the exact tail in the old.

Each format has its tests.
"""

from stage import Forged, Stage, sealed, told, weighed

STOPPED_BY = "of a format that this version does not know"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    new = weighed(told(case) | {"test": "fixed"}, len(case.keys))
    old = told(case) | {"format": "ifrs/evidence/v1"}
    del old["runs"]
    return [Forged(sealed(bundle), case.claim) for bundle in (new, old)]
