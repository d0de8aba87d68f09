"""Made-up word scores stand in a bundle of text evidence.

Text evidence holds no word scores.
"""

from stage import Forged, Stage, sealed
from worded import scores_of

STOPPED_BY = "it holds word scores, and the evidence is text"
WEAK = "they would not be looked at: nothing may stand there that misleads a reader"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    for index, query in enumerate(case.bundle["queries"]):
        query["word_scores"] = scores_of(case.keys, index, 0.0)
    return Forged(sealed(case.bundle), case.claim)
