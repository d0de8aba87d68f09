"""A model at hand gets another prompt than the key, which holds the response.

The prompt is the key in its template and nothing else.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "does not hold its key, and its key alone"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.echoing, protocol="local")

    def told(sent, index):
        sent["request"]["prompt"] = case.responses[index]

    return case.bent(told)
