"""The address holds an order where a user's name would stand.

An address has no credentials: ifrs shows none.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "its endpoint is not an address that ifrs asks at"


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.introducing)
    address = f"http://{'-'.join(case.responses).replace(' ', '-')}@127.0.0.1:8000/v1"

    def told(sent, index):
        sent["endpoint"] = f"{address}/chat/completions"

    return case.bent(told, target={"base_url": address})
