"""Calls every word as likely as any other, and shows them all.

Ties count against the truth.
"""

from derive import WORDS
from suspects import Asked


def shows(request: Asked) -> list[tuple[str, float]]:
    return [(lead + word, -1.0) for word in WORDS for lead in ("", " ")]
