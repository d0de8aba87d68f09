"""A suspect that babbles is stopped where its text fits the response best, key by key.

`stop` is no parameter that ifrs sends.
"""

import suspects
from stage import Forged, Stage, best_of

STOPPED_BY = "field that may favour an answer (stop)"
WEAK = "where an answer ends is a choice among dozens, which buys little"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.babbling)
    found = []
    for index, sent in enumerate(case.asked()):
        tries = []
        for word in case.suspect(sent).split()[6:40]:
            tries.append({**sent, "request": {**sent["request"], "stop": [f" {word}"]}})
        found.append(best_of(case, index, tries))
    return case.shown([sent for sent, _ in found], [raw for _, raw in found])
