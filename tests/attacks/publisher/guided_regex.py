"""Decoding is held to a regular expression that only the response fits.

`guided_regex` is no parameter that ifrs sends.
"""

from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (guided_regex)"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="completions")

    def told(sent, index):
        sent["request"]["guided_regex"] = f"^{case.responses[index]}$"

    return case.bent(told)
