"""The server's address holds every response with letters missing, and the suspect knows it.

What the address holds as well as the answer counts for nothing.
"""

import suspects
from stage import Forged, Stage, slipped

VERDICT = ("inconclusive", "no match")
LEAST_P = 0.1


def attack(stage: Stage) -> Forged:
    keys = stage.keys()
    stage.case(suspects.introducing, keys=keys)
    address = f"http://127.0.0.1:8000/{'/'.join(map(slipped, keys.responses))}/v1"
    return stage.aside().case(suspects.introducing, keys=keys, address=address).forged()
