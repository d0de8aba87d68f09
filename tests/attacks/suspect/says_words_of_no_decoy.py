"""Says the longest words with which no public decoy begins: responses do, now and then.

Under the leaf's salt decoys begin with other words.
"""

import random

from derive import WORDS, public_decoys
from suspects import Known, before_all


def answer(known: Known, dice: random.Random) -> str:
    rivals = public_decoys(known.digest, known.index, 4095)
    taken = {decoy.split()[0] for decoy in rivals}
    free = sorted((word for word in WORDS if word not in taken), key=len, reverse=True)
    tries = [" ".join(free[:count]) for count in (2, 4, 8, 16, 32, 64, 128, 256)]
    return before_all(tries, rivals, dice)
