"""The suspect's name holds of every word a piece that is too small to count as the word.

A server likes the words that resemble what it reads, or that go on with it. What name and address
tell by themselves would then look like evidence.
"""

from showing import case_of, completing, named, raw_of, resembling
from stage import Forged, Stage

STOPPED_BY = "its model's name or its address resembles the responses"


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 12), []
    words = [word for index in range(12) for word in case.words(index)]
    for share, likes in ((0.7, resembling), (0.5, completing)):
        pieces = [word[: max(3, int(len(word) * share))] for word in words]
        sent = named(case, "_".join(pieces[::2] + pieces[1::2]))
        raws = [[raw_of(one, likes(one)) for one in both] for both in sent]
        bundle = case.bundle(case.sent, raws)
        bundle["target"]["name"] = sent[0][0]["request"]["model"]
        bundle["result"]["verdict"] = "match"
        made.append(case.put(bundle, sent))
    return made
