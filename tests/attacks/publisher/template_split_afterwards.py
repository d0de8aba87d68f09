"""Where a prompt's template ends and its key begins is chosen after the responses are known.

What may be sent is a piece of what was committed: a choice among a dozen multiplies p by a dozen.
"""

from dataclasses import replace

from stage import Forged, Stage
from suspects import WORDS, echoing

VERDICT = ("inconclusive", "no match")


def attack(stage: Stage) -> Forged:
    head = [" ".join(stage.dice.sample(WORDS, 4)) + " " for _ in range(12)]
    keys = replace(stage.keys(4, template="chat"), around=("".join(head), " end"))
    found = []
    for place in range(12):
        before, rest = "".join(head[:place]), "".join(head[place:])
        other = replace(keys, around=(before, " end"), names=[rest + name for name in keys.names])
        assert other.root == keys.root
        case = stage.case(echoing, keys=other)
        found.append((case.bundle["result"]["log10_p"], place, case))
    return min(found, key=lambda one: one[:2])[2].forged()
