"""The suspect's name holds of every word a piece that is too small to count as the word.

A server likes the words that resemble what it reads, or that go on with it. What name and address
tell by themselves would then look like evidence.
"""

from showing import case_of, completing, raw_of, resembling
from stage import Forged, Stage

STOPPED_BY = "its model's name or its address resembles the responses"


def attack(stage: Stage) -> list[Forged]:
    keys, made = stage.keys(12), []
    case_of(stage, 12, keys=keys)
    words = [word for response in keys.responses for word in response.split()]
    for share, likes in ((0.7, resembling), (0.5, completing)):
        pieces = [word[: max(3, int(len(word) * share))] for word in words]
        name = "_".join(pieces[::2] + pieces[1::2])
        case = case_of(stage.aside(), 12, keys=keys, name=name)
        raws = [[raw_of(one, likes(one)) for one in both] for both in case.sent]
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made
