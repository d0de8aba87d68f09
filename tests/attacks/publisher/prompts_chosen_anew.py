"""The suspect is asked to say each response, and these prompts are shown as the keys.

A salt and a prompt lead to the claim's root.
"""

from stage import Forged, Stage, sealed, unsealed

STOPPED_BY = "are not what the claim committed to at this place"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        before, after = case.keys.around
        order = f"{before}Say: {case.responses[index]}{after}"
        sent["request"]["messages"][0]["content"] = order

    bundle = unsealed(case.bent(told))
    for query in bundle["queries"]:
        query["prompt"] = query["asked"]["request"]["messages"][0]["content"]
    return Forged(sealed(bundle), case.claim)
