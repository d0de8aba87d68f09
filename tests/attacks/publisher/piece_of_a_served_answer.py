"""A served suspect babbles, and the two words that are nearest to the response are its answer.

The answer is the whole content of the first choice's message.
"""

import json

from babble import best_pairs, pieces
from stage import Forged, Stage
from suspects import babbling

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case(babbling, parameters={"max_tokens": 2000})
    raws = [json.loads(query["asked"]["raw"]) for query in case.bundle["queries"]]
    texts = [raw["choices"][0]["message"]["content"] for raw in raws]
    found = best_pairs(case, texts)
    return pieces(case, [text[a:b] for text, (a, b) in zip(texts, found, strict=True)])
