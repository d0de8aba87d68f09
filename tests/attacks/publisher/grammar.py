"""Decoding is held to a grammar of one sentence.

`grammar` is no parameter that ifrs sends.
"""

from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (grammar)"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="completions")

    def told(sent, index):
        sent["request"]["grammar"] = f'root ::= "{case.responses[index]}"'

    return case.bent(told)
