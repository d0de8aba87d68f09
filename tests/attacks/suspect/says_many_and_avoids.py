"""Says two hundred pairs of words, none of which is near to a decoy that it could draw.

It cannot draw those that count.
"""

import random

from derive import public_decoys
from ifrs import _core
from suspects import Known


def answer(known: Known, dice: random.Random) -> str:
    rivals = public_decoys(known.digest, known.index, 4095)
    words = _core.response_words()
    tries = [" ".join(dice.sample(words, 2)) for _ in range(400)]
    worst = _core.score(tries, rivals).max(axis=1).argsort()
    return ". ".join(tries[int(place)] for place in worst[:200])
