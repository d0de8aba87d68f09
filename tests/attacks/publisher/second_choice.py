"""The server gave two choices without being asked, and the second one is shown as the answer.

The answer is that of the first choice.
"""

import json

from babble import pieces
from stage import Forged, Stage

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    raws = []
    for query, response in zip(case.bundle["queries"], case.responses, strict=True):
        raw = json.loads(query["asked"]["raw"])
        raw["choices"].append({"index": 0, "message": {"content": response}})
        raws.append(json.dumps(raw))
    return pieces(case, case.responses, raws)
