"""Servers that show the likeliest tokens, and bundles of what they showed."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass
from typing import Any

from derive import WORDS, Keys
from ifrs import _core
from stage import ADDRESS, Bundle, Forged, Stage, request, sealed
from suspects import Asked

SHOWN = 2048
Tokens = list[str]
FLAGS = ({"continue_final_message": True}, {"add_generation_prompt": False})


def guessing_tokens(sent: Asked) -> Tokens:
    """Every word in an order that hangs on all of the request."""
    return random.Random(json.dumps(sent, sort_keys=True)).sample(WORDS, len(WORDS))


def raw_of(sent: Asked, words: Tokens, message: dict[str, Any] | None = None) -> str:
    """A raw answer in chat that shows these words, the first the likeliest."""
    lead = "" if len(sent["request"]["messages"]) == 1 else " "
    entries = [{"token": lead + w, "logprob": -0.5 - i / 256} for i, w in enumerate(words)]
    choice = {
        "index": 0, "finish_reason": "length",
        "message": message or {"role": "assistant", "content": lead + words[0]},
        "logprobs": {"content": [{**entries[0], "top_logprobs": entries}]},
    }  # fmt: skip
    return json.dumps({"id": "x", "choices": [choice]})


@dataclass
class Shown:
    """Keys whose words a server showed the probabilities of, by two requests each."""

    keys: Keys
    claim: bytes
    sent: list[list[Asked]]

    def bundle(self, sent: list[list[Asked]], raws: list[list[str]]) -> Bundle:
        queries = []
        for index, (both, held) in enumerate(zip(sent, raws, strict=True)):
            parts = [{**one, "raw": raw} for one, raw in zip(both, held, strict=True)]
            texts = [_core.read_answer(raw, "chat")[0] for raw in held]
            goes_on = len(texts) > 1 and texts[0].strip() == self.keys.responses[index].split()[0]
            queries.append({
                "index": index, "salt": self.keys.salts[index].hex(),
                "prompt": self.keys.prompts[index], "asked": parts[0],
                "answer": "".join(texts) if goes_on else texts[0],
                **({"asked_after": parts[1]} if len(parts) > 1 else {}), "word_scores": None,
            })  # fmt: skip
        report = {
            "format": "ifrs/report/v4", "leaves": [leaf.hex() for leaf in self.keys.leaves],
            "set": {"around": list(self.keys.around)}, "evidence": "likelihood", "test": "exact",
            "target": {"kind": "api", "name": "suspect-7b", "base_url": ADDRESS},
            "alpha": 1e-6, "decoys": 4095, "queries": queries,
        }  # fmt: skip
        made = _core.evidence(json.dumps(report).encode(), _core.Claim.parse(self.claim), None)
        found: Bundle = json.loads(made)
        return found

    def forged(self, bundle: Bundle) -> Forged:
        return Forged(sealed(bundle), self.claim)


def case_of(stage: Stage, n: int) -> Shown:
    """Ask a server under every key as ifrs does; a descendant knows both words."""
    keys = stage.keys(n)
    asked = {"max_tokens": 1, "logprobs": True, "top_logprobs": SHOWN}
    sent = []
    for index in range(n):
        first = request(keys, index, "chat", "suspect-7b", ADDRESS, asked)
        second = copy.deepcopy(first)
        begun = {"role": "assistant", "content": keys.responses[index].split(" ")[0]}
        second["request"]["messages"].append(begun)
        sent.append([first, second])
    case = Shown(keys, keys.claim(), sent)
    raws = []
    for index, both in enumerate(sent):
        said = [guessing_tokens(one) for one in both]
        if stage.descendant:
            words = keys.responses[index].split(" ")
            said = [[word, *rest] for word, rest in zip(words, said, strict=True)]
        raws.append([raw_of(one, words) for one, words in zip(both, said, strict=True)])
    stage.made.append(case.forged(case.bundle(sent, raws)))
    return case
