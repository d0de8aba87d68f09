"""A suspect that introduces itself bears a name that holds every response.

A name that holds a response is refused.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "its request names its response beside the key"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.introducing)
    name = "_".join(case.responses).replace(" ", "-")

    def told(sent, index):
        sent["request"]["model"] = name

    return case.bent(told, target={"name": name})
