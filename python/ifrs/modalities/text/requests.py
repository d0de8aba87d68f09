"""How requests to one server are worded: in fields that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ifrs.modalities.text.sending import Mode

LIMITS = ("max_tokens", "max_completion_tokens")
# What a server is told that is to go on with a message of the assistant, where it takes that.
CONTINUE = {"add_generation_prompt": False, "continue_final_message": True}


@dataclass
class Requests:
    """The bodies of requests.

    Attributes:
        model: The model's name at the server.
        mode: The protocol.
        options: The user's own further fields, which go before all others; None leaves one out.
        logprobs: Log-probabilities that the user wants with each token.
        limit: The field that limits an answer's length, one of `LIMITS`.
        takes_temperature: Whether temperature 0 may be said.
        thinking_off: Fields that switch thinking off.
        reasoning_tokens: Room for thoughts, before the room for an answer.
        continuing: Fields with which an answer that has begun is continued.
    """

    model: str
    mode: Mode
    options: Mapping[str, Any] = field(default_factory=dict)
    logprobs: int | None = None
    limit: str = LIMITS[0]
    takes_temperature: bool = True
    thinking_off: dict[str, Any] = field(default_factory=dict)
    reasoning_tokens: int = 0
    continuing: dict[str, Any] = field(default_factory=dict)

    def text(self, prompt: str, max_new_tokens: int, temperature: float) -> dict[str, Any]:
        """Asks for an answer in text."""
        body = self._body(prompt, None, max_new_tokens + self.reasoning_tokens, temperature)
        return body | (self._shown(self.logprobs) if self.logprobs is not None else {})

    def word(self, prompt: str, begun: str | None, count: int) -> dict[str, Any]:
        """Asks for the likeliest tokens of a word.

        Args:
            prompt: The prompt.
            begun: What the answer has begun with, after white space as in the prompt's own; None
                for nothing.
            count: How many tokens to show.
        """
        body = self._body(prompt, begun, 1, 0.0)
        body = {name: value for name, value in body.items() if name not in LIMITS}
        return body | {self.limit: 1} | self._shown(count)

    def _body(
        self, prompt: str, begun: str | None, limit: int, temperature: float
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model}
        if self.mode == "completions":
            body["prompt"] = prompt if begun is None else prompt + begun
        else:
            body["messages"] = [{"role": "user", "content": prompt}]
        body[self.limit] = limit
        if self.takes_temperature or temperature > 0:
            body["temperature"] = temperature
        body |= self.thinking_off
        if begun is not None and self.mode == "chat":
            body["messages"].append({"role": "assistant", "content": begun})
            body |= self.continuing
        body |= self.options
        return {name: value for name, value in body.items() if value is not None}

    def _shown(self, count: int) -> dict[str, Any]:
        if self.mode == "chat":
            return {"logprobs": True, "top_logprobs": count}
        return {"logprobs": count}
