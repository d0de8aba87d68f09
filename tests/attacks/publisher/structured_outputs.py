"""Decoding is held to one choice by the newer name of that option.

Fields are refused because they are not known, not because they are known to be bad.
"""

from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (structured_outputs)"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        sent["request"]["structured_outputs"] = {"choice": [case.responses[index]]}

    return case.bent(told)
