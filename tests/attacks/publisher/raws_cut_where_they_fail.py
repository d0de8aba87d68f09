"""Raw answers that rank a word badly are said to have been too long to keep.

Such a key has the last rank in each of its tests: leaving out failures gains nothing.
"""

from showing import case_of, guessing_tokens, raw_of
from stage import Forged, Stage

VERDICT = "inconclusive"
LEAST_P = 1e-3
CUT = {"characters": 2_000_000, "sha256": "00" * 32}


def attack(stage: Stage) -> Forged:
    case = case_of(stage, 16)
    sent, raws = [list(both) for both in case.sent], []
    for index, both in enumerate(sent):
        shown = [guessing_tokens(one) for one in both]
        places = [words.index(word) for words, word in zip(shown, case.words(index), strict=True)]
        if max(places) > 400:
            both[0] = both[0] | {"raw_cut": CUT}
        raws.append([raw_of(one, words) for one, words in zip(both, shown, strict=True)])
    return case.forged(case.bundle(sent, raws))
