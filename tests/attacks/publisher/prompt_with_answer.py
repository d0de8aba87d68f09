"""A completion's prompt ends with the response, and the suspect says what it read.

The prompt is the key in its template and nothing else.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "does not hold its key, and its key alone"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.echoing, protocol="completions", parameters={"max_tokens": 300})

    def told(sent, index):
        sent["request"]["prompt"] += f" {case.responses[index]}"

    return case.bent(told)
