"""A raw answer of more than 2^20 characters is shown whole, and a piece of it as the answer.

So long a raw answer is kept by digest and length alone.
"""

from babble import pieces
from stage import Forged, Stage

STOPPED_BY = "its raw answer is longer than what is kept of one"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="local", n=3)
    return pieces(case, case.responses, [text + " x" * (1 << 19) for text in case.responses])
