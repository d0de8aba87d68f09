"""The bundle holds fields that this version does not know, and a later one might obey.

Unknown fields are refused.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = "the bundle cannot be read"


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for place in (
        lambda bundle: bundle,
        lambda bundle: bundle["queries"][0],
        lambda bundle: bundle["queries"][0]["asked"],
        lambda bundle: bundle["result"],
        lambda bundle: bundle["claim"],
        lambda bundle: bundle["template"],
    ):
        bundle = told(case)
        place(bundle)["weight"] = 2
        forged.append(Forged(sealed(bundle), case.claim))
    return forged
