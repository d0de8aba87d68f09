"""Writes some words with their spaces and others without, as it likes each.

How white space is read does not hang on the truth.
"""

import random

from derive import WORDS
from suspects import Asked


def shows(request: Asked) -> list[tuple[str, float]]:
    dice = random.Random(repr(request))
    leads = ("", " ", "\u2581", "\u0120", "  ", "\n")
    return [(dice.choice(leads) + word, dice.gauss(-9, 4)) for word in dice.sample(WORDS, 700)]
