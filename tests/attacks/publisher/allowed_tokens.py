"""A suspect that says every word may say the response's alone, in their order.

`allowed_token_ids` is no parameter that ifrs sends.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (allowed_token_ids)"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.listing, protocol="completions")

    def told(sent, index):
        words = case.responses[index].split()
        sent["request"]["allowed_token_ids"] = [suspects.WORDS.index(word) for word in words]

    return case.bent(told)
