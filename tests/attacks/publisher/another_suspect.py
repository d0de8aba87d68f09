"""A descendant was asked, and the bundle says another suspect's name or address.

The suspect is the one that the requests went to.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "it was asked of another suspect than the bundle is about"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for other in ({"name": "theirs"}, {"base_url": "https://theirs.example/v1"}, {"name": None}):
        bundle = told(case)
        bundle["target"] |= other
        forged.append(Forged(sealed(bundle), case.claim))
    return forged
