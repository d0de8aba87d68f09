"""The chat template lists words and orders one of them, and the suspect repeats it.

Templates are part of the leaves: responses are drawn afterwards, so no template holds them.
"""

from dataclasses import replace

from stage import Forged, Stage
from suspects import WORDS, echoing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    listed = " ".join(stage.dice.sample(WORDS, 60))
    keys = replace(stage.keys(template="chat"), around=(f"Answer one of: {listed}. ", " Which?"))
    return stage.case(echoing, keys=keys, protocol="completions").forged()
