"""A friend of the suspect has it asked where a filter, or a tool, took the answers away.

An answer that says nothing, and did not end by itself, is no silence.
"""

import json

from stage import Forged, Stage, evidence

VERDICT = "inconclusive"


def attack(stage: Stage) -> list[Forged]:
    case, made = stage.case(n=12), []
    for reason in ("content_filter", "tool_calls", "function_call"):
        choice = {"message": {"role": "assistant", "content": None}, "finish_reason": reason}
        raws = [json.dumps({"choices": [choice]}) for _ in case.asked()]
        made.append(case.forged(evidence(case.keys, case.claim, case.asked(), raws, **case.how)))
    return made
