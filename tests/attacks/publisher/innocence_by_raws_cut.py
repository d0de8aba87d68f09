"""A friend of the suspect says that raw answers were too long to keep, of all keys or of some.

A key whose raw answer was not kept speaks for nobody.
"""

from showing import case_of, guessing_tokens, raw_of
from stage import Forged, Stage

VERDICT = "inconclusive"
CUT = {"characters": 2_000_000, "sha256": "00" * 32}


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 12), []
    for name, step in (("asked", 1), ("asked_after", 1), ("asked", 4), ("asked_after", 11)):
        sent = [list(both) for both in case.sent]
        for both in sent[::step]:
            place = int(name == "asked_after")
            both[place] = both[place] | {"raw_cut": CUT}
        raws = [[raw_of(one, guessing_tokens(one)[:20]) for one in both] for both in sent]
        made.append(case.forged(case.bundle(sent, raws)))
    return made
