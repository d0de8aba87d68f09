"""Draws the decoys that a claim gave away in the first format, and says what resembles none.

Decoys are drawn under the leaf's salt, which the suspect does not see before it answers.
"""

import random

from derive import public_decoys
from suspects import Known, avoiding


def answer(known: Known, dice: random.Random) -> str:
    return avoiding(public_decoys(known.digest, known.index, 4095), dice, tries=300)
