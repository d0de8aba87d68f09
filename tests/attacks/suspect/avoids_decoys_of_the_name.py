"""Knows the set's name, which labels decoys where there is no claim, and avoids what follows.

Name and claim are labels of the draw; its key is the salt.
"""

import random

from derive import draw, framed, public_decoys, spell
from suspects import Known, avoiding


def answer(known: Known, dice: random.Random) -> str:
    place = known.index.to_bytes(8, "big")
    label = framed(b"ifrs/v3/decoys", known.name.encode(), place)
    rivals = [spell(pair) for pair in draw(bytes(32), label, 2048)]
    rivals += public_decoys(known.name.encode(), known.index, 2047)
    return avoiding(rivals, dice, tries=300)
