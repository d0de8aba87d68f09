"""Says the words that most responses resemble, the same whatever it is asked.

A decoy resembles them as often as the response does.
"""

import random
from functools import cache

from derive import PAIRS, WORDS, spell
from ifrs import _core
from suspects import Known


def answer(known: Known, dice: random.Random) -> str:
    return nearest()


@cache
def nearest() -> str:
    dice = random.Random(0)
    some = [spell(dice.randrange(PAIRS)) for _ in range(2000)]
    tries = [" ".join(dice.sample(WORDS, 2)) for _ in range(300)]
    near = _core.score(tries, some).mean(axis=1)
    return tries[int(near.argmax())]
