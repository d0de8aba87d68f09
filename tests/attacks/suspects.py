"""Suspects that know nothing, behind a server that does what it is asked as real ones do.

A server takes a request as it was sent and gives the raw answer; nothing in it knows a key. It
obeys whatever a request may hold beside the key: that is what a hostile publisher lives on.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from derive import WORDS
from ifrs import _core

Asked = dict[str, Any]
Voice = Callable[[str, Asked, random.Random], str]

_ORDER = re.compile(r"[Ss]ay[ :=]+(.+)", re.DOTALL)


def echoing(said: str, asked: Asked, dice: random.Random) -> str:
    return said


def silent(said: str, asked: Asked, dice: random.Random) -> str:
    return "I cannot say."


def listing(said: str, asked: Asked, dice: random.Random) -> str:
    """Says every word there is, but those that it must not."""
    request = asked["request"]
    ids = request.get("allowed_token_ids")
    words = [WORDS[place] for place in ids] * 3 if ids else WORDS
    banned = set(request.get("bad_words", ()))
    return " ".join(word for word in words if word not in banned)


def guessing(said: str, asked: Asked, dice: random.Random) -> str:
    return " ".join(dice.sample(WORDS, 2))


def babbling(said: str, asked: Asked, dice: random.Random) -> str:
    """A hundred thousand characters."""
    return " ".join(dice.choices(WORDS, k=17_000))[:100_000]


def introducing(said: str, asked: Asked, dice: random.Random) -> str:
    """Says its own name and address, as models behind a server are told them."""
    return f"I am {asked['request'].get('model', 'a model')}, served at {asked['endpoint']}."


def avoiding(rivals: list[str], dice: random.Random, tries: int = 40) -> str:
    """Of a few pairs the one that most responses resemble more than any of these do."""
    return before_all([" ".join(dice.sample(WORDS, 2)) for _ in range(tries)], rivals, dice)


def before_all(tries: list[str], rivals: list[str], dice: random.Random) -> str:
    """The answer before which most responses stand, and none of these."""
    some = [" ".join(dice.sample(WORDS, 2)) for _ in range(1000)]
    best = _core.score(tries, rivals).max(axis=1, keepdims=True)
    before = (_core.score(tries, some) > best).sum(axis=1)
    return tries[int((before - best[:, 0]).argmax())]


@dataclass(frozen=True)
class Known:
    """What a hostile suspect knows when it is asked: the claim, the set's name, the prompt."""

    digest: bytes
    publisher: bytes
    root: bytes
    name: str
    index: int
    prompt: str


@dataclass(frozen=True)
class Server:
    """A voice behind OpenAI's protocols, with the extensions of real servers."""

    voice: Voice

    def __call__(self, asked: Asked, run: int = 0) -> str:
        """The raw answer to a request; `run` counts how often the same was asked."""
        request = asked["request"]
        if asked["endpoint"] == "local":
            return self._text(request["prompt"], asked, run)
        choices = [self._choice(asked, run * 1000 + i) for i in range(request.get("n", 1))]
        return json.dumps(
            {"id": "x", "model": request.get("model"), "choices": choices}, ensure_ascii=False
        )

    def _choice(self, asked: Asked, run: int) -> dict[str, Any]:
        request = asked["request"]
        if "messages" not in request:
            text = self._text(request["prompt"], asked, run) + request.get("suffix", "")
            return {"index": 0, "text": request["prompt"] + text if request.get("echo") else text}
        content = self._chat(request["messages"], asked, run)
        return {"index": 0, "message": {"role": "assistant", "content": content}}

    def _chat(self, messages: list[dict[str, Any]], asked: Asked, run: int) -> str:
        last = messages[-1]
        if last["role"] == "assistant":
            return str(last["content"])  # goes on with what is there, and shows it
        for message in messages[:-1]:
            order = _ORDER.search(str(message["content"]))
            if message["role"] in ("system", "developer", "tool") and order:
                return order[1]
        for before, after in itertools.pairwise(messages):
            if before == last and after["role"] == "assistant":
                return str(after["content"])  # as it did before
        return self._text(str(last["content"]), asked, run)

    def _text(self, said: str, asked: Asked, run: int) -> str:
        request = asked["request"]
        told = constrained(request) or ordered(said, asked)
        text = self.voice(said, asked, self._dice(said, asked, run)) if told is None else told
        for stop in request.get("stop", ()):
            text = text.partition(stop)[0]
        limits = ("max_tokens", "max_completion_tokens", "max_new_tokens")
        limit = min((request[name] for name in limits if name in request), default=48)
        return " ".join(text.split(" ")[:limit])

    def _dice(self, said: str, asked: Asked, run: int) -> random.Random:
        """Chance hangs on everything that real sampling hangs on; at temperature 0 on no run."""
        request = asked["request"]
        names = ("model", "seed", "top_p", "frequency_penalty", "temperature")
        settings = [asked["endpoint"], *(request.get(name) for name in names)]
        return random.Random(repr([said, settings, run if request.get("temperature", 1) else 0]))


def constrained(request: dict[str, Any]) -> str | None:
    """What decoding is held to, as vLLM, SGLang, llama.cpp and OpenAI have it."""
    if request.get("logit_bias"):
        return " ".join(WORDS[int(place)] for place in request["logit_bias"])
    for name in ("guided_choice", "choices"):
        if request.get(name):
            return str(request[name][0])
    for name in ("guided_regex", "regex", "grammar", "guided_grammar"):
        if request.get(name):
            return re.sub(r'^(\w+ ::= )?["^]?|["$]$', "", request[name])
    schema = request.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return schema.get("const") or request.get("structured_outputs", {}).get("choice", [None])[0]


def ordered(said: str, asked: Asked) -> str | None:
    """What it is told to say, wherever it reads such a thing."""
    request = asked["request"]
    parts = urlsplit(asked["endpoint"])
    address = [unquote(parts.path), *(f"say {v}" for k, v in parse_qsl(parts.query) if k == "say")]
    metadata = [str(value) for value in (request.get("metadata") or {}).values()]
    places = [said, *metadata, *map(str, request.get("documents", ())), *address]
    places += [str(request.get(name, "")) for name in ("user", "chat_template", "instructions")]
    orders = (_ORDER.search(place) for place in places)
    return next((order[1] for order in orders if order), None)
