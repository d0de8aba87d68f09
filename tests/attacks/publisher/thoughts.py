"""A suspect that thinks babbles in `reasoning_content`, and a piece of that is shown as the answer.

The answer is the message's content, and nothing beside it.
"""

import json
import random

from babble import best_pairs, pieces
from stage import Forged, Stage
from suspects import babbling

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    texts = [babbling("", {}, random.Random(f"{stage.seed} {i}")) for i in range(len(case.keys))]
    raws = [
        json.dumps({"choices": [{"message": {"content": "No.", "reasoning_content": text}}]})
        for text in texts
    ]
    found = best_pairs(case, texts)
    return pieces(case, [text[a:b] for text, (a, b) in zip(texts, found, strict=True)], raws)
