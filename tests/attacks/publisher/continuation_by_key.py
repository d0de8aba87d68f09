"""The fields that have a server go on with an answer are there for the keys that they suit.

The second requests of all keys have the same fields.
"""

import copy
import itertools

from showing import FLAGS, case_of, guessing_tokens, raw_of
from stage import Forged, Stage

STOPPED_BY = "the keys were not all asked in one way"


def attack(stage: Stage) -> Forged:
    case = case_of(stage, 150)
    sent, raws = copy.deepcopy(case.sent), []
    for index, both in enumerate(sent):
        word = case.keys.responses[index].split(" ")[1]
        tries = []
        for chosen in itertools.product((False, True), repeat=len(FLAGS)):
            second = copy.deepcopy(both[1])
            for use, fields in zip(chosen, FLAGS, strict=True):
                second["request"] |= fields if use else {}
            tries.append(second)
        both[1] = min(tries, key=lambda sent: guessing_tokens(sent).index(word))
        raws.append([raw_of(one, guessing_tokens(one)) for one in both])
    bundle = case.bundle(case.sent, raws)
    for query, both in zip(bundle["queries"], sent, strict=True):
        query["asked_after"] = {**both[1], "raw": query["asked_after"]["raw"]}
    return case.forged(bundle)
