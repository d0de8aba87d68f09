"""The server shows the words at a later place, in another choice, or in a table of another shape.

Only the first place of the first choice counts, and a list goes before a table.
"""

import json

from showing import case_of, guessing_tokens, raw_of
from stage import Forged, Stage

VERDICT = ("inconclusive", "no match")
LEAST_P = 0.1


def later(read, told):
    read["logprobs"]["content"].append(told["logprobs"]["content"][0])
    return [read]


def second(read, told):
    return [read, told]


def tabled(read, told):
    first, *rest = told["logprobs"]["content"][0]["top_logprobs"]
    table = {"tokens": [first["token"]], "token_logprobs": [first["logprob"]]}
    shown = {entry["token"]: entry["logprob"] for entry in [first, *rest]}
    read["logprobs"] |= table | {"top_logprobs": [shown]}
    return [read]


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 10), []
    for bend in (later, second, tabled):
        raws = []
        for index, both in enumerate(case.sent):
            held = []
            for one, word in zip(both, case.words(index), strict=True):
                # Whatever is shown where it counts, is shown for every key alike.
                read, told = (json.loads(raw_of(one, words))["choices"][0]
                              for words in (SAME, [word, *guessing_tokens(one)[:5]]))  # fmt: skip
                held.append(json.dumps({"choices": bend(read, told)}))
            raws.append(held)
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made


SAME = ["I", "The", "It", "You", "We"]
