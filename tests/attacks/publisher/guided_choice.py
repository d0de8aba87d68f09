"""Decoding is held to one choice: the response.

`guided_choice` is no parameter that ifrs sends.
"""

from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (guided_choice)"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        sent["request"]["guided_choice"] = [case.responses[index]]

    return case.bent(told)
