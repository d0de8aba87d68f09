"""The tokens of the response are made likely.

`logit_bias` is no parameter that ifrs sends.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (logit_bias)"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        words = case.responses[index].split()
        sent["request"]["logit_bias"] = {str(suspects.WORDS.index(word)): 100 for word in words}

    return case.bent(told)
