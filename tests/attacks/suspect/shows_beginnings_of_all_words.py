"""Lists every word by its beginnings, and by longer tokens that begin with it.

Only a token that is the word itself is the word's.
"""

import random

from derive import WORDS
from suspects import Asked


def shows(request: Asked) -> list[tuple[str, float]]:
    dice = random.Random(repr(request))
    tokens = {" " + word[:end] for word in WORDS for end in range(1, len(word))}
    tokens |= {f" {word}{end}" for word in WORDS for end in ("s", ".")}
    return [(token, -dice.random()) for token in tokens]
