"""Servers that show the likeliest tokens, and bundles of what they showed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from derive import WORDS, Keys
from ifrs import _core
from stage import ADDRESS, Bundle, Forged, Stage, held, protocol_of, request, sealed
from suspects import Asked

SHOWN, FEW = 2048, 20
NEARLY = 0.8  # of a response: as much as counts as naming it
Tokens = list[str]
FLAGS = ({"continue_final_message": True}, {"add_generation_prompt": False})


def guessing_tokens(sent: Asked) -> Tokens:
    """Every word in an order that hangs on all of the request."""
    return random.Random(json.dumps(sent, sort_keys=True)).sample(WORDS, len(WORDS))


def raw_of(sent: Asked, words: Tokens, message: dict[str, Any] | None = None) -> str:
    """A raw answer that shows these words, the first the likeliest."""
    chat = "messages" in sent["request"]
    lead = "" if chat and len(sent["request"]["messages"]) == 1 else " "
    return raw_of_tokens(sent, [lead + word for word in words], message)


def raw_of_tokens(sent: Asked, tokens: Tokens, message: dict[str, Any] | None = None) -> str:
    """A raw answer that shows these tokens, the first the likeliest."""
    entries = [{"token": token, "logprob": -0.5 - i / 256} for i, token in enumerate(tokens)]
    choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
    choice["logprobs"] = {"content": [{**entries[0], "top_logprobs": entries}]}
    if "messages" in sent["request"]:
        choice["message"] = message or {"role": "assistant", "content": tokens[0]}
    else:
        choice["text"] = tokens[0]
    return json.dumps({"id": "x", "choices": [choice]})


@dataclass
class Shown:
    """Keys whose words a server showed the probabilities of, by one or two requests each."""

    keys: Keys
    claim: bytes
    sent: list[list[Asked]]
    target: dict[str, Any]

    def words(self, index: int) -> Tokens:
        return self.keys.responses[index].split(" ")

    def bundle(self, sent: list[list[Asked]], raws: list[list[str]]) -> Bundle:
        queries = []
        for index, (both, given) in enumerate(zip(sent, raws, strict=True)):
            parts = [{**one, "raw": raw} for one, raw in zip(both, given, strict=True)]
            protocol = protocol_of(both[0])
            texts = [_core.read_answer(raw, protocol)[0] for raw in given]
            queries.append({
                "index": index, "salt": self.keys.salts[index].hex(),
                "prompt": self.keys.prompts[index], "asked": parts[0],
                "answer": heard(texts, self.words(index)[0]),
                **({"asked_after": parts[1]} if len(parts) > 1 else {}), "word_scores": None,
            })  # fmt: skip
        report = {
            "format": "ifrs/report/v4", "leaves": [leaf.hex() for leaf in self.keys.leaves],
            "set": {"around": list(self.keys.around)}, "evidence": "likelihood", "test": "exact",
            "target": self.target, "alpha": 1e-6, "decoys": 4095, "queries": queries,
        }  # fmt: skip
        made = _core.evidence(json.dumps(report).encode(), _core.Claim.parse(self.claim), None)
        found: Bundle = json.loads(made)
        return found

    def told(self) -> Bundle:
        """The bundle of a descendant: a match, to be bent elsewhere than in its answers."""
        return copy.deepcopy(self._told)

    @cached_property
    def _told(self) -> Bundle:
        raws = []
        for index, both in enumerate(self.sent):
            words = zip(both, self.words(index), strict=False)
            raws.append([raw_of(one, [word, *guessing_tokens(one)[:FEW]]) for one, word in words])
        return self.bundle(self.sent, raws)

    def put(self, bundle: Bundle, sent: list[list[Asked]]) -> Forged:
        """The bundle with these requests in place of its own."""
        for query, both in zip(bundle["queries"], sent, strict=True):
            for name, asked in zip(("asked", "asked_after"), both, strict=False):
                query[name] = {**asked, "raw": query[name]["raw"]}
        return self.forged(bundle)

    def bent(self, bend: Callable[[list[Asked], int], None]) -> Forged:
        """A match by its answers, whose requests `bend` alters."""
        sent = copy.deepcopy(self.sent)
        for index, both in enumerate(sent):
            bend(both, index)
        return self.put(self.told(), sent)

    def forged(self, bundle: Bundle) -> Forged:
        return Forged(sealed(bundle), self.claim)


def case_of(
    stage: Stage,
    n: int,
    *,
    protocol: str = "chat",
    name: str = "suspect-7b",
    address: str = ADDRESS,
    second: bool = True,
    keys: Keys | None = None,
) -> Shown:
    """Ask a server under every key as ifrs does; a descendant knows both words."""
    keys = keys or stage.keys(n)
    shown = {"logprobs": True, "top_logprobs": SHOWN} if protocol == "chat" else {"logprobs": SHOWN}
    asked = {"max_tokens": 1, **shown}
    sent = []
    for index in range(len(keys)):
        first = request(keys, index, protocol, name, address, asked)
        both = [first, behind(first, keys.responses[index].split(" ")[0])]
        sent.append(both if second else both[:1])
    target = {"kind": "api", "name": name, "base_url": address}
    case = Shown(keys, keys.claim(), sent, target)
    raws = [[raw_of(one, guessing_tokens(one)[:FEW]) for one in both] for both in sent]
    stage.made.append(case.forged(case.told() if stage.descendant else case.bundle(sent, raws)))
    return case


def heard(texts: list[str], word: str) -> str:
    """What two answers say, as docs/reference/formats.md has it."""
    if len(texts) == 1 or texts[0].strip() != word:
        return texts[0]
    return texts[1] if texts[1].lstrip().startswith(word) else "".join(texts)


def behind(sent: Asked, begun: str) -> Asked:
    """The request for what follows on the beginning of an answer."""
    second = copy.deepcopy(sent)
    if "messages" in sent["request"]:
        second["request"]["messages"].append({"role": "assistant", "content": begun})
    else:
        second["request"]["prompt"] += f" {begun}"
    return second


def resembling(sent: Asked) -> Tokens:
    """Every word, those first that a request's name and address hold most of."""
    beside = _core.plain(f"{sent['request']['model']} {sent['endpoint']}")
    found = _core.score([beside.replace(" ", "")], WORDS)[0]
    found = np.maximum(found, _core.score([beside], WORDS)[0])
    return [WORDS[int(place)] for place in np.argsort(-found, kind="stable")]


def completing(sent: Asked) -> Tokens:
    """Every word, those first of which a request's name or address holds a long beginning."""
    beside = _core.plain(f"{sent['request']['model']} {sent['endpoint']}").replace(" ", "")

    def begun(word: str) -> float:
        return max(size for size in range(len(word) + 1) if word[:size] in beside) / len(word)

    return sorted(WORDS, key=begun, reverse=True)


def named(case: Shown, name: str) -> list[list[Asked]]:
    """The requests to a suspect of another name."""
    sent = copy.deepcopy(case.sent)
    for both in sent:
        for one in both:
            one["request"]["model"] = name
    return sent


def apart(keys: Keys, dice: random.Random, *, second: bool) -> str:
    """A name that holds the first words of all responses, or both, and no response in one piece."""
    pairs = [(response, response.split()[: 1 + second]) for response in keys.responses]
    words = [w for response, some in pairs for w in some if held([w], response) < NEARLY]
    for _ in range(100):
        dice.shuffle(words)
        beside = f"{'_'.join(words)} {ADDRESS}"
        told = [response for response in keys.responses if held([beside], response) >= NEARLY]
        if not told:
            return "_".join(words)
    return "_".join(word for word in words if word not in " ".join(told))
