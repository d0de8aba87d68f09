"""A friend of the suspect lets a descendant answer with one token, which is no response.

Silence needs answers that have room for a response.
"""

from stage import Forged, Stage, knowing

VERDICT = "inconclusive"


def attack(stage: Stage) -> Forged:
    keys = stage.keys(12)
    stage.case(keys=keys)
    return stage.aside().case(knowing(keys), keys=keys, parameters={"max_tokens": 1}).forged()
