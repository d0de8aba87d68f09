"""A suspect that says every word may not say any but those of the response.

`bad_words` is no parameter that ifrs sends.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (bad_words)"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.listing, n=20)

    def told(sent, index):
        kept = case.responses[index].split()
        sent["request"]["bad_words"] = [word for word in suspects.WORDS if word not in kept]

    return case.bent(told)
