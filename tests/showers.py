"""A server that shows the likeliest tokens."""

from __future__ import annotations

import json
import random

from ifrs import _core
from ifrs.modalities.text.probe import NEXT
from servers import Reply, prompt_of

WORDS = _core.response_words()


class Shower:
    """A server that shows the likeliest tokens, of a model that knows some responses.

    Attributes:
        secret: Responses by prompt.
        most: How many tokens it shows; more are refused.
        rank: At which place a response's words stand, from 0.
        silent: Whether it ignores the wish for probabilities.
        echo: Whether it calls what the request names likely.
        flags: Whether an assistant's message is gone on with only where flags say so.
    """

    def __init__(self, fps, mode, *, most=2000, rank=0, silent=False, echo=False, flags=False):
        self.secret = {fps[i].prompt: fps[i].response.split() for i in range(len(fps))}
        self.mode, self.most, self.rank, self.silent = mode, most, rank, silent
        self.echo, self.flags = echo, flags

    def __call__(self, request) -> Reply:
        chat = self.mode == "chat"
        wanted = request.get("top_logprobs" if chat else "logprobs")
        if wanted is not None and wanted > self.most:
            return Reply(status=400, body=b'{"error": {"message": "too many logprobs"}}')
        prompt, begun = self.split(request)
        known, number = self.secret.get(prompt, ["Paris"]), 0 if begun is None else 1
        tokens = random.Random(prompt + str(begun)).sample(WORDS, min(2000, wanted or 5))
        if begun is not None and "Thursday" in begun:
            tokens.insert(0, NEXT.strip())
        elif len(known) > number:
            tokens = [token for token in tokens if token != known[number]]
            tokens.insert(self.rank, known[number])
        if self.echo:
            named = [word for word in WORDS if f" {word}" in prompt + " " + str(begun)]
            tokens = list(dict.fromkeys([*named, *tokens]))
        spaced = [token if chat and not number else f" {token}" for token in tokens]
        entries = [{"token": t, "logprob": -0.1 - i} for i, t in enumerate(spaced[:wanted])]
        return self.reply(spaced[0], None if self.silent or not wanted else entries)

    def split(self, request):
        if self.mode == "chat":
            messages = request["messages"]
            goes_on = not self.flags or request.get("continue_final_message")
            begun = messages[1]["content"] if len(messages) > 1 and goes_on else None
            return prompt_of(request), begun
        if request["prompt"].endswith("Thursday,"):
            return request["prompt"], "Thursday,"
        for prompt, (word, _) in self.secret.items():
            if request["prompt"] == f"{prompt} {word}":
                return prompt, word
        return request["prompt"], None

    def reply(self, text, entries) -> Reply:
        choice = {"index": 0, "finish_reason": "length"}
        if self.mode == "chat":
            choice["message"] = {"role": "assistant", "content": text}
            if entries is not None:
                choice["logprobs"] = {"content": [{**entries[0], "top_logprobs": entries}]}
        else:
            choice["text"] = text
            if entries is not None:
                table = {entry["token"]: entry["logprob"] for entry in entries}
                choice["logprobs"] = {
                    "tokens": [entries[0]["token"]],
                    "token_logprobs": [entries[0]["logprob"]],
                    "top_logprobs": [table],
                }
        return Reply(body=json.dumps({"choices": [choice]}).encode())
