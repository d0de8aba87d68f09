"""The address holds every response in percent signs, which servers read and checkers might not.

An address has no character that stands for another.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "its endpoint is not an address that ifrs asks at"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.introducing)
    order = " ".join(case.responses)
    address = "http://127.0.0.1:8000/say%20" + "".join(f"%{byte:02x}" for byte in order.encode())

    def told(sent, index):
        sent["endpoint"] = f"{address}/chat/completions"

    return case.bent(told, target={"base_url": address})
