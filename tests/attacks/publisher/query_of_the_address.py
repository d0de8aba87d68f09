"""The address carries a query with an order, which the server shows the model.

An address has no query: ifrs shows none.
"""

from stage import Forged, Stage

STOPPED_BY = "its endpoint is not an address that ifrs asks at"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    address = f"http://127.0.0.1:8000/v1?say={'+'.join(case.responses).replace(' ', '+')}&x="

    def told(sent, index):
        sent["endpoint"] = f"{address}/chat/completions"

    return case.bent(told, target={"base_url": address})
