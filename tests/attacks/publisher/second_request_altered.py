"""The second request goes elsewhere, to another model, or has other parameters than the first.

But for the first word it is the same request.
"""

from showing import case_of
from stage import ADDRESS, PATHS, Forged, Stage

STOPPED_BY = "its second request is not its first with the first word begun"
CHANGES = (
    {"model": "another"}, {"top_logprobs": 5}, {"seed": 3}, {"logit_bias": {"5": 100}},
    {"continue_final_message": False}, {"add_generation_prompt": True}, {"echo": True},
    {"prompt_logprobs": 5}, {"temperature": 1.0}, {"guided_choice": ["copper"]},
)  # fmt: skip


def attack(stage: Stage) -> list[Forged]:
    case = case_of(stage, 3)
    made = [
        case.bent(lambda both, i, more=more: both[1]["request"].update(more)) for more in CHANGES
    ]
    for address in (
        "http://127.0.0.1:9/v1" + PATHS["chat"],
        ADDRESS + PATHS["completions"],
        "local",
    ):
        made.append(case.bent(lambda both, i, to=address: both[1].update(endpoint=to)))
    made.append(case.bent(lambda both, i: both[1]["request"].pop("temperature")))
    return made
