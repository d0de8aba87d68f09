"""The message holds a content and a refusal, and the refusal is shown as the answer.

A refusal is read only where the content is null.
"""

import json

from babble import pieces
from stage import Forged, Stage

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    messages = [{"content": "", "refusal": response} for response in case.responses]
    raws = [json.dumps({"choices": [{"message": message}]}) for message in messages]
    return pieces(case, case.responses, raws)
