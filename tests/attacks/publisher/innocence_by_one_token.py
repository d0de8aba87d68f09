"""A friend of the suspect has one token shown alone, or the answers' thoughts in odd fields.

A descendant that says its words is heard by one token; thoughts are no silence.
"""

from showing import case_of, raw_of, raw_of_tokens
from stage import Forged, Stage

VERDICT = ("inconclusive", "match")


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 12), []
    one_token = [[raw_of_tokens(one, [lead + word])
                  for one, word, lead in zip(both, case.words(index), ("", " "), strict=True)]
                 for index, both in enumerate(case.sent)]  # fmt: skip
    # A descendant, and no stranger: it is to be found, if the friend shows this at all.
    found = case.bundle(case.sent, one_token)
    assert found["result"]["verdict"] == "match"
    for message in (
        {"content": "", "thinking": "Hm"},
        {"content": None, "reasoning": "Hm", "reasoning_content": ""},
        {"content": "", "refusal": "<think>Hm"},
        {"content": None, "refusal": "<think>Hm</think></think>"},
        {"content": "Hm</think></think>"},
        {"content": [{"type": "thinking", "thinking": "Hm"}]},
        {"content": [{"type": "reasoning", "text": [{"type": "text", "text": "Hm"}]}]},
    ):
        raws = [[raw_of(one, ["Hm"], message) for one in both] for both in case.sent]
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made
