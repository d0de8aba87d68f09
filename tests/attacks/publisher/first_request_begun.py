"""The first request has an answer begun already, by a word that favours the one wanted.

The first request holds the key alone.
"""

from showing import behind, case_of
from stage import Forged, Stage

STOPPED_BY = (
    "its request holds other messages beside its key",
    "its request does not hold its key",
)


def attack(stage: Stage) -> list[Forged]:
    made = []
    for protocol in ("chat", "completions"):
        case = case_of(stage, 4, protocol=protocol)

        def bend(both, index, words=case.words):
            both[0] = behind(both[0], words(index)[0])

        made.append(case.bent(bend))
    return made
