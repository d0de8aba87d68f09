"""One suspect is looked at in every way there is: either test, either number of decoys.

Four looks multiply p by four at most.
"""

from stage import Forged, Stage
from suspects import guessing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    keys = stage.keys(4)
    cases = [
        stage.case(guessing, keys=keys, test=test, decoys=decoys)
        for test in ("exact", "sequential")
        for decoys in (4095, 65_535)
    ]
    return min(cases, key=lambda case: case.bundle["result"]["log10_p"]).forged()
