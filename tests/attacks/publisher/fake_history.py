"""The same question stands there already, answered with the response; the suspect repeats itself.

A request holds one message, and that is the user's.
"""

from stage import Forged, Stage

STOPPED_BY = "other messages beside its key"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        messages = sent["request"]["messages"]
        answered = {"role": "assistant", "content": case.responses[index]}
        sent["request"]["messages"] = [*messages, answered, *messages]

    return case.bent(told)
