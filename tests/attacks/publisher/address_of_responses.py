"""The server's address holds every response, and the suspect is told where it is.

An address that holds a response is refused.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "its request names its response beside the key"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.introducing)
    address = f"http://127.0.0.1:8000/{'/'.join(case.responses).replace(' ', '-')}/v1"

    def told(sent, index):
        sent["endpoint"] = f"{address}/chat/completions"

    return case.bent(told, target={"base_url": address})
