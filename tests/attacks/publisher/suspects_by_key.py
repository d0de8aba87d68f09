"""Many suspects are tried under each key, and each key's best is kept.

All keys are asked of one suspect: endpoint and name are alike.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "not all asked in one way"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    found = []
    for index, sent in enumerate(case.asked()):
        tries = [{**sent, "endpoint": f"http://h{i}/v1/chat/completions"} for i in range(200)]
        found.append(best_of(case, index, tries))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
