"""A completion is to end with the response, and the server sends the end, too.

No field stands beside the key that carries text.
"""

from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (suffix)"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="completions")

    def told(sent, index):
        sent["request"]["suffix"] = f" {case.responses[index]}"

    return case.bent(told)
