"""All keys of an old set have one public response, and a server showed probabilities of words.

A shared response is no pair of words, and ranks of it prove nothing.
"""

import json

from showing import case_of
from stage import Forged, Stage, sealed

STOPPED_BY = "its responses prove nothing"


def attack(stage: Stage) -> list[Forged]:
    keys, made = stage.keys(6, scheme="v2"), []
    for second in (True, False):
        case = case_of(stage, 6, keys=keys, second=second)
        bundle, claim = case.told(), keys.claim(response="shared")
        bundle["claim"] = json.loads(claim)
        for query in bundle["queries"]:
            query["response"] = "ハリネズミ"
        made.append(Forged(sealed(bundle), claim))
    return made
