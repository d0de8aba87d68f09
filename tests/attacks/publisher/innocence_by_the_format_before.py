"""A friend of the suspect calls a bundle older than it is: thoughts are then no answer.

Where other words are heard with them, or an end before an answer, the key is no silent one.
"""

import json

from stage import Forged, Stage, sealed, unsealed, weighed

VERDICT = "inconclusive"


def attack(stage: Stage) -> list[Forged]:
    """Each as format v3: answers that never began, and answers that were thought alone."""
    case, made = stage.case(n=12), []
    for said, ended in ((None, "length"), ("It says", "stop")):
        bundle = unsealed(case.forged()) | {"format": "ifrs/evidence/v3"}
        for index, query in enumerate(bundle["queries"]):
            thought = f"{said}: {case.responses[index]}" if said else "Hm."
            message = {"content": None, "reasoning_content": thought}
            choice = {"message": message, "finish_reason": ended}
            query["asked"]["raw"] = json.dumps({"choices": [choice]})
            query |= {"answer": "", "rank": [4096], "score": 0.0, "fired": False}
        bundle = weighed(bundle, 12)
        bundle["result"]["verdict"] = "no match"
        made.append(Forged(sealed(bundle), case.claim))
    return made
