"""Half of the keys are asked of one suspect and half of another, each where it fits better.

Endpoint and model are alike for all keys.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "not all asked in one way"
WEAK = "of two suspects the better one is a choice of one bit a key"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.guessing)
    found = []
    for index, sent in enumerate(case.asked()):
        other = {**sent, "request": {**sent["request"], "model": "another-7b"}}
        found.append(best_of(case, index, [sent, other]))
    if len({sent["request"]["model"] for sent, _ in found}) == 1:
        sent, raw = found[0]
        found[0] = ({**sent, "request": {**sent["request"], "model": "third-7b"}}, raw)
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
