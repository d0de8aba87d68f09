"""A request wants two hundred choices, and each key's best is shown.

`n` is 1, and the answer is that of the first choice.
"""

import json

import suspects
from stage import Forged, Stage, fits

STOPPED_BY = "its request's n is not one that ifrs sends"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing, n=12)
    asked, raws = case.asked(), []
    for index, sent in enumerate(asked):
        sent["request"] |= {"n": 200, "temperature": 0.7}
        raw = json.loads(case.suspect(sent))
        told = [choice["message"]["content"] for choice in raw["choices"]]
        good = fits(told, case.responses[index])
        raw["choices"].insert(0, raw["choices"].pop(good.index(max(good))))
        raws.append(json.dumps(raw))
        sent["request"]["temperature"] = 0.0
    return case.shown(asked, raws)
