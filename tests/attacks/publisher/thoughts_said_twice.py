"""A friend of the suspect that thinks calls its bundle older, where thoughts hold the responses.

Thoughts in several fields, in parts, in a refusal, behind `</think>` twice: none is silence.
"""

import json

from stage import Forged, Stage, sealed, unsealed, weighed

VERDICT = "inconclusive"


def attack(stage: Stage) -> list[Forged]:
    case, made = stage.case(n=12), []
    for wrap in (
        lambda said: {"content": None, "thinking": said},
        lambda said: {"content": "", "reasoning": "", "reasoning_content": said},
        lambda said: {"content": [{"type": "thinking", "thinking": said}]},
        lambda said: {"content": " ", "reasoning": said, "thinking": "Hm"},
    ):
        bundle = unsealed(case.forged()) | {"format": "ifrs/evidence/v3"}
        for index, query in enumerate(bundle["queries"]):
            choice = {"message": wrap(f"It is {case.responses[index]}."), "finish_reason": "stop"}
            query["asked"]["raw"] = json.dumps({"choices": [choice]})
            said = choice["message"]["content"] or ""
            query["answer"] = said if isinstance(said, str) else ""
            query |= {"rank": [4096], "score": 0.0, "fired": False}
        bundle = weighed(bundle, 12)
        bundle["result"]["verdict"] = "no match"
        made.append(Forged(sealed(bundle), case.claim))
    return made
