"""Word scores stand for the true words alone, so that each is the first of one.

Scores are one number for each word of the alphabet.
"""

import base64
import struct

from stage import Forged, Stage, sealed, weighed
from worded import likelihood

STOPPED_BY = "are not two lists of one number for each word"


def attack(stage: Stage) -> Forged:
    case = stage.case(protocol="local")
    one = base64.b64encode(struct.pack("<f", 0.0)).decode()
    bundle = likelihood(case.bundle, [[one, one]] * len(case.keys), rank=1)
    return Forged(sealed(weighed(bundle, len(case.keys))), case.claim)
