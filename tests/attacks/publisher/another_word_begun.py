"""The second request begins the answer with another word than the first of the response.

The beginning is the true first word alone: neither both words, nor the second, nor none.
"""

from showing import behind, case_of
from stage import Forged, Stage

STOPPED_BY = "its second request is not its first with the first word begun"


def attack(stage: Stage) -> list[Forged]:
    made = []
    for protocol in ("chat", "completions"):
        case = case_of(stage, 2, protocol=protocol)
        for begin in (
            lambda first, second: f"{first} {second}",
            lambda first, second: second,
            lambda first, second: f"{first} {second[:-1]}",
            lambda first, second: first.title(),
            lambda first, second: "",
        ):

            def bend(both, index, begin=begin, words=case.words):
                both[1] = behind(both[0], begin(*words(index)))

            made.append(case.bent(bend))
    return made
