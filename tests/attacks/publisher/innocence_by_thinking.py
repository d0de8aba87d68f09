"""A friend of a suspect that thinks has the first token of its thoughts looked at.

What is thought is no answer: where nothing else came, the key's silence does not count.
"""

from showing import case_of, guessing_tokens, raw_of
from stage import Forged, Stage

VERDICT = "inconclusive"


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 12), []
    for message in (
        {"content": None, "reasoning_content": "Hm"},
        {"content": "<think>"},
        {"content": ""},
    ):
        raws = [[raw_of(one, ["<think>", *guessing_tokens(one)[:4]], message) for one in both]
                for both in case.sent]  # fmt: skip
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made
