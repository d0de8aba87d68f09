"""The message's content is a list of parts, and the best part is shown as the answer.

All text parts together are the answer.
"""

import json

from babble import pieces
from stage import Forged, Stage
from suspects import WORDS

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    raws = []
    for response in case.responses:
        told = [" ".join(stage.dice.sample(WORDS, 2)) for _ in range(30)] + [response]
        content = [{"type": "text", "text": text} for text in told]
        raws.append(json.dumps({"choices": [{"message": {"content": content}}]}))
    return pieces(case, case.responses, raws)
