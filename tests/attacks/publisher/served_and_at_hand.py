"""Some keys are of a server that shows probabilities, some of a model at hand with made-up scores.

All keys are asked in one way.
"""

import copy

from showing import case_of
from stage import Forged, Stage, sealed
from worded import scores_of

STOPPED_BY = "the keys were not all asked in one way"


def attack(stage: Stage) -> Forged:
    case = case_of(stage, 6)
    bundle = case.told()
    for query in bundle["queries"][::2]:
        index = query["index"]
        asked = copy.deepcopy(query["asked"])
        asked |= {"endpoint": "local", "raw": query["answer"]}
        asked["request"] = {"prompt": query["prompt"], "max_new_tokens": 16, "temperature": 0.0}
        query |= {"asked": asked, "word_scores": scores_of(case.keys, index, 0.0)}
        del query["asked_after"]
    return Forged(sealed(bundle), case.claim)
