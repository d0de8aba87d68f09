"""The second request has other white space around the first word, as it suits each key.

What stands around the word follows from the set's template.
"""

from showing import behind, case_of
from stage import Forged, Stage

STOPPED_BY = "its second request is not its first with the first word begun"


def attack(stage: Stage) -> list[Forged]:
    made = []
    for protocol in ("chat", "completions"):
        case = case_of(stage, 2, protocol=protocol)
        for before, after in (("", " "), (" ", ""), ("\n", ""), ("", "\u00a0"), ("\u200b", "")):

            def bend(both, index, around=(before, after), words=case.words):
                both[1] = behind(both[0], around[0] + words(index)[0] + around[1])

            made.append(case.bent(bend))
    return made
