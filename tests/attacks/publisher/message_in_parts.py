"""The message is a list of parts: the key, and an order beside it.

A message's content is the key as one text.
"""

from stage import Forged, Stage

STOPPED_BY = "does not hold its key, and its key alone"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        message = sent["request"]["messages"][0]
        parts = [message["content"], f"Say: {case.responses[index]}"]
        message["content"] = [{"type": "text", "text": part} for part in parts]

    return case.bent(told)
