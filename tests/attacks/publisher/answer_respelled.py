"""The answer is the raw one with letters changed "by normalization", towards the response.

The answer equals the raw one, character by character.
"""

from babble import pieces
from stage import Forged, Stage
from suspects import guessing

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing, protocol="completions")
    return pieces(case, [response.upper() for response in case.responses])
