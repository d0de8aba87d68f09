"""The raw answer is no JSON at all but the response, as if the protocol were another.

The endpoint and the request say which protocol it is.
"""

from babble import pieces
from stage import Forged, Stage

STOPPED_BY = "the answer is not JSON"


def attack(stage: Stage) -> Forged:
    case = stage.case()
    return pieces(case, case.responses, case.responses)
