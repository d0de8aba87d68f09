"""Other salts, whose responses the suspect happens to say, take the place of those claimed.

A salt and a prompt lead to the claim's root.
"""

from stage import Forged, Stage, sealed, weighed
from suspects import guessing

STOPPED_BY = "are not what the claim committed to at this place"


def attack(stage: Stage) -> Forged:
    case = stage.case(guessing)
    for query in case.bundle["queries"]:
        query |= {"salt": stage.dice.randbytes(32).hex(), "response": query["answer"]}
        query |= {"rank": [1], "score": 1.0, "fired": True}
    return Forged(sealed(weighed(case.bundle, len(case.keys))), case.claim)
