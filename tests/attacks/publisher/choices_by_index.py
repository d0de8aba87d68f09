"""The choices come in another order than their indices, and the one of index 0 is shown.

The answer is that of the first choice in the list, as ifrs reads it.
"""

import json

from babble import pieces
from stage import Forged, Stage

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="completions")
    raws = []
    for response in case.responses:
        choices = [{"index": 1, "text": "I cannot say."}, {"index": 0, "text": response}]
        raws.append(json.dumps({"choices": choices}))
    return pieces(case, case.responses, raws)
