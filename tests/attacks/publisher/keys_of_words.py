"""Keys are made of response words, and the suspect repeats them.

Responses are drawn after the keys are committed to: no key was made to hold its own.
"""

from dataclasses import replace

from stage import Forged, Stage
from suspects import WORDS, echoing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    keys = stage.keys()
    names = [" ".join(stage.dice.sample(WORDS, 24)) for _ in range(len(keys))]
    return stage.case(echoing, keys=replace(keys, names=names), protocol="completions").forged()
