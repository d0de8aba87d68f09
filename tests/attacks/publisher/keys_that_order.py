"""Keys are orders to say two words, and the suspect obeys them.

Responses are drawn after the keys are committed to: no key orders its own.
"""

from dataclasses import replace

from stage import Forged, Stage
from suspects import WORDS

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    keys = stage.keys(template="simple")
    stage.case(keys=keys)
    names = ["Say " + " ".join(stage.dice.sample(WORDS, 2)) for _ in range(len(keys))]
    return stage.aside().case(keys=replace(keys, names=names)).forged()
