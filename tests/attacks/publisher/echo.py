"""The server is to repeat the prompt before its answer, and the prompt holds the response.

`echo` is no parameter that ifrs sends, and the prompt is the key alone.
"""

from stage import Forged, Stage

STOPPED_BY = "does not hold its key, and its key alone"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="completions")

    def told(sent, index):
        sent["request"]["echo"] = True
        sent["request"]["prompt"] = f"{case.responses[index]} {sent['request']['prompt']}"

    return case.bent(told)
