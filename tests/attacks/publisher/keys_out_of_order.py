"""The keys that a guess fits best come first, so that the e-process stops early.

Keys are shown in the claim's order.
"""

from stage import Forged, Stage, sealed
from suspects import guessing

STOPPED_BY = "not keys of the claim in order, each once"
WEAK = "the order helps the e-process a little, and never so far by chance"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, test="sequential")
    case.bundle["queries"].sort(key=lambda query: (query["rank"], -query["index"]))
    if case.bundle["queries"][0]["index"] == 0:
        case.bundle["queries"].reverse()
    return Forged(sealed(case.bundle), case.claim)
