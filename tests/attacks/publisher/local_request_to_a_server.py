"""A server's suspect is shown as a model at hand, whose requests say less.

The endpoint is `local` exactly where the request is.
"""

from stage import Forged, Stage, sealed

STOPPED_BY = "not of the protocol that its endpoint speaks"
WEAK = "nothing is gained yet: it would open a way to hide what was sent"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="local")
    for query in case.bundle["queries"]:
        query["asked"]["endpoint"] = "http://127.0.0.1:8000/v1"
    return Forged(sealed(case.bundle), case.claim)
