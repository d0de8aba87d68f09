"""The raw answer names its choices twice, and a lenient reader sees the other ones.

One of two is read, always the same, and the answer equals that.
"""

from babble import pieces
from stage import Forged, Stage

STOPPED_BY = "its answer is not the whole of what its raw answer holds"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="completions")
    raws = [
        f'{{"choices":[{{"text":"{response}"}}],"choices":[{{"text":"I cannot say."}}]}}'
        for response in case.responses
    ]
    return pieces(case, case.responses, raws)
