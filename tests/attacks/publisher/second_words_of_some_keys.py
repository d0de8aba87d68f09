"""Second words stand in the bundle for those keys alone whose second words rank well.

All keys have a second request, or none has.
"""

from showing import case_of
from stage import Forged, Stage, weighed

STOPPED_BY = "the keys were not all asked in one way"


def attack(stage: Stage) -> Forged:
    case = case_of(stage, 6)
    bundle = case.told()
    for query in bundle["queries"][::2]:
        words = case.words(query["index"])
        query |= {"rank": query["rank"][:1], "candidates": query["candidates"][:1]}
        query["answer"] = words[0]
        del query["asked_after"]
    return case.forged(weighed(bundle, 6))
