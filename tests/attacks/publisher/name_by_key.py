"""A suspect that introduces itself is asked under a name that is each key's response.

All keys are asked with one set of parameters, and the model's name is one of them.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "not all asked in one way"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.introducing)

    def told(sent, index):
        sent["request"]["model"] = case.responses[index].replace(" ", "-")

    return case.bent(told)
