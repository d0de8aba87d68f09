"""The bundle does not say when its keys were asked, or says nonsense.

Every query says when, in RFC 3339.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = ("it does not say when it was asked", "the bundle cannot be read")


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    forged = []
    for time in ("", "noon", "2026-13-01T00:00:00Z", None, 0):
        bundle = told(case)
        for query in bundle["queries"]:
            query["asked"]["time"] = time
        forged.append(Forged(sealed(bundle), case.claim))
    return forged
