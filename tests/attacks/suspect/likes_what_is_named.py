"""Calls every word likely that a request names, and words like those.

No request names a word that is ranked: the first word, which the second request names, is no
candidate there.
"""

import json

from derive import WORDS
from suspects import Asked


def shows(request: Asked) -> list[tuple[str, float]]:
    said = json.dumps(request).lower()
    near = {word: 3 * (word in said) + (word[:4] in said) + (word[-3:] in said) for word in WORDS}
    return [(lead + word, near[word] - 20.0) for word in WORDS for lead in ("", " ")]
