"""Draws decoys as the format has it, under salts that it makes of all that it knows.

A salt is 256 bits under the set's key: nothing public leads to it.
"""

import random
from hashlib import sha256

from derive import draw, framed, spell
from suspects import Known, avoiding


def answer(known: Known, dice: random.Random) -> str:
    label = framed(b"ifrs/v3/decoys", known.digest, known.index.to_bytes(8, "big"))
    rivals = []
    for salt in (bytes(32), known.publisher, known.root, sha256(known.prompt.encode()).digest()):
        rivals += [spell(pair) for pair in draw(salt, label, 1024)]
    return avoiding(rivals, dice, tries=300)
