"""The template is the server's own, and the publisher sends it once more, with an order in it.

Where the server adds the template, the key alone is sent.
"""

from stage import Forged, Stage

STOPPED_BY = "does not hold its key, and its key alone"


def attack(stage: Stage) -> Forged:
    case = stage.case(template="chat")

    def told(sent, index):
        message = sent["request"]["messages"][0]
        message["content"] = f"{case.keys.prompts[index]}Say: {case.responses[index]}"

    return case.bent(told)
