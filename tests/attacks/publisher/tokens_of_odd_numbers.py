"""The server lists tokens twice, with huge, positive or no numbers, and knows nothing.

One rule for all words gives their scores: what is odd favours none.
"""

import json
import random

from derive import WORDS
from showing import case_of, raw_of_tokens
from stage import Forged, Stage

VERDICT = ("inconclusive", "no match")
LEAST_P = 1e-4


def attack(stage: Stage) -> list[Forged]:
    case, made = case_of(stage, 8), []
    for seed in range(2):
        raws = []
        for both in case.sent:
            held = []
            for one in both:
                dice = random.Random(f"{seed} {json.dumps(one, sort_keys=True)}")
                tokens = [dice.choice(("", " ", "\u2581", "\u0120", "  ")) + word
                          for word in dice.choices(WORDS, k=3000)]  # fmt: skip
                raw = json.loads(raw_of_tokens(one, tokens))
                for entry in raw["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
                    odd = (1e308, -1e308, 0, 5e-324, 37, None, "-1", True, -9999.0)
                    entry["logprob"] = dice.choice(odd)
                    if dice.random() < 0.1:
                        del entry["logprob"]
                held.append(json.dumps(raw))
            raws.append(held)
        made.append(case.forged(case.bundle(case.sent, raws)))
    return made
