"""A friend of the suspect has the first token of its answers looked at, which is white space.

The answer begins behind it: a key is no silent one where no word was looked at.
"""

from showing import case_of, raw_of_tokens
from stage import Forged, Stage

VERDICT = "inconclusive"


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 12), []
    for blank in ("\n", " ", "\u2581"):
        raws = [[raw_of_tokens(one, [blank, "\n\n", "I", "The", "It"]) for one in both]
                for both in case.sent]  # fmt: skip
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made
