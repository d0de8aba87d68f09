"""Stand-ins for the servers that people run: each takes, refuses and answers as the real one does.

Statuses, fields and texts of errors are those of llama.cpp's server of October 2026, vLLM 0.29,
SGLang 0.5, Ollama of August 2026, Text Generation Inference 3.3, transformers 5.23, LM Studio 0.4,
OpenAI and OpenRouter.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from minds import Mind, pieces
from servers import Reply

Request = dict[str, Any]
Shown = list[tuple[str, float]]
_NO_LIMIT = 1 << 20


@dataclass(frozen=True)
class Turn:
    """What a request asks for; `shown` is None where no probabilities are wanted."""

    chat: bool
    prompt: str
    begun: str
    limit: int
    thinks: bool
    shown: int | None


@dataclass(frozen=True)
class Written:
    """What was generated, and the likeliest tokens at its first place."""

    thoughts: str
    text: str
    finish: str
    number: int
    tokens: Shown


def answered(body: Any, status: int = 200) -> Reply:
    return Reply(body=json.dumps(body).encode(), status=status)


def listed(tokens: Shown, **more: Any) -> dict[str, Any]:
    """Log-probabilities in the shape of chat."""
    entries = [{"token": token, "logprob": value, **more} for token, value in tokens]
    return {"content": [{**entries[0], "top_logprobs": entries}]}


def tabled(tokens: Shown) -> dict[str, Any]:
    """Log-probabilities in the shape of completions."""
    token, value = tokens[0]
    return {
        "text_offset": [0],
        "tokens": [token],
        "token_logprobs": [value],
        "top_logprobs": [dict(tokens)],
    }


@dataclass
class Front:
    """A server of one model; what the kinds have in common.

    Attributes:
        mind: The model.
        name: Its name at the server.
        template: Whether it has a chat template.
        switch: Whether thinking can be switched off.
        limits: Fields that limit an answer, the one that counts first.
        thoughts_in: The field of a message that thoughts stand in; None for none.
    """

    mind: Mind
    name: str = "m"
    template: bool = True
    switch: bool = True
    limits: ClassVar[tuple[str, ...]] = ("max_completion_tokens", "max_tokens")
    thoughts_in: ClassVar[str | None] = "reasoning_content"

    def __call__(self, request: Request) -> Reply:
        refused = self.refusal(request)
        if refused is not None:
            return refused
        turn = self.turn(request)
        return answered(self.reply(turn, self.write(turn)))

    def refusal(self, request: Request) -> Reply | None:
        """What is wrong with a request, in the server's own words."""
        return None

    def turn(self, request: Request) -> Turn:
        chat = "messages" in request
        prompt, begun = self.chatted(request) if chat else self.mind.split(request["prompt"])
        limit = next((request[name] for name in self.limits if name in request), _NO_LIMIT)
        thinks = chat and not begun and (self.may_think(request) or not self.switch)
        return Turn(chat, prompt, begun, limit, thinks, self.shown(request))

    def chatted(self, request: Request) -> tuple[str, str]:
        """The question of a chat, and what the answer has begun with."""
        messages = request["messages"]
        goes_on = messages[-1]["role"] == "assistant" and self.continues(request)
        return messages[0]["content"], messages[-1]["content"] if goes_on else ""

    def continues(self, request: Request) -> bool:
        """Whether a message of the assistant that stands last is gone on with."""
        return False

    def may_think(self, request: Request) -> bool:
        return bool(request.get("chat_template_kwargs", {}).get("enable_thinking", True))

    def shown(self, request: Request) -> int | None:
        if "messages" not in request:
            return request.get("logprobs")
        return request.get("top_logprobs", 0) if request.get("logprobs") else None

    def write(self, turn: Turn) -> Written:
        """Generate, up to the limit."""
        said = self.mind(turn.prompt, turn.begun, "" if turn.chat else " ", turn.thinks)
        thoughts, answer = pieces(said.thoughts), pieces(said.answer)
        whole = len(thoughts) + len(answer)
        return Written(
            "".join(thoughts[: turn.limit]),
            "".join(answer[: max(0, turn.limit - len(thoughts))]),
            "length" if turn.limit < whole else "stop",
            min(turn.limit, whole),
            said.tokens,
        )

    def reply(self, turn: Turn, written: Written) -> dict[str, Any]:
        """A generation in the server's JSON."""
        choice: dict[str, Any] = {"index": 0, "finish_reason": written.finish}
        choice |= {"message": self.message(turn, written)} if turn.chat else {"text": written.text}
        if turn.shown is not None:
            choice["logprobs"] = self.logprobs(turn, written)
        used = {"completion_tokens": written.number, "prompt_tokens": 20}
        used["total_tokens"] = sum(used.values())
        kind = "chat.completion" if turn.chat else "text_completion"
        return {"id": "x", "object": kind, "model": self.name, "choices": [choice], "usage": used}

    def message(self, turn: Turn, written: Written) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": written.text}
        if self.thoughts_in and written.thoughts:
            message[self.thoughts_in] = written.thoughts
        return message

    def logprobs(self, turn: Turn, written: Written) -> Any:
        return listed(written.tokens[: turn.shown], bytes=None)


@dataclass
class LlamaCpp(Front):
    """llama.cpp's server: any number of candidates, and one shape for both protocols.

    Attributes:
        loading: Until when it loads, by the monotonic clock.
        inline: Whether thoughts stand in the text (`--reasoning-format none`).
    """

    loading: float = 0.0
    inline: bool = False

    def refusal(self, request: Request) -> Reply | None:
        if time.monotonic() < self.loading:
            return self.error(503, "Loading model", "unavailable_error")
        if "messages" not in request:
            return None
        if not self.template:
            said = "this model does not have a chat template"
            return self.error(500, said, "server_error")
        if request.get("top_logprobs") and not request.get("logprobs"):
            return self.error(400, "top_logprobs requires logprobs to be set to true")
        if request.get("continue_final_message") and request.get("add_generation_prompt", True):
            said = "Cannot set both add_generation_prompt and continue_final_message to true."
            return self.error(400, said)
        thinks = self.mind.thoughts and (self.may_think(request) or not self.switch)
        if thinks and self.chatted(request)[1]:
            said = "Assistant response prefill is incompatible with enable_thinking."
            return self.error(400, said)
        return None

    def error(self, code: int, said: str, kind: str = "invalid_request_error") -> Reply:
        return answered({"error": {"code": code, "message": said, "type": kind}}, code)

    def continues(self, request: Request) -> bool:
        return True

    def message(self, turn: Turn, written: Written) -> dict[str, Any]:
        if self.inline and written.thoughts:
            closed = "" if written.finish == "length" and not written.text else "</think>\n\n"
            text = f"<think>{written.thoughts}{closed}{written.text}"
            return {"role": "assistant", "content": text}
        # The whole message, with what it was begun with.
        return super().message(turn, written) | {"content": turn.begun + written.text}

    def logprobs(self, turn: Turn, written: Written) -> Any:
        return listed(written.tokens[: turn.shown], id=7, bytes=[65])


@dataclass
class Vllm(Front):
    """vLLM: as many candidates as `--max-logprobs` allows, a continued message by its flags."""

    most: int = 20
    thoughts_in = "reasoning"

    def refusal(self, request: Request) -> Reply | None:
        if request["model"] != self.name:
            said = f"The model `{request['model']}` does not exist."
            return self.error(404, said, "NotFoundError", "model")
        wanted = self.shown(request) or 0
        if self.most >= 0 and wanted > self.most:
            said = f"Requested sample logprobs of {wanted}, which is greater than max allowed: "
            return self.error(400, f"{said}{self.most}", param="logprobs")
        if "messages" in request and not self.template:
            said = "As of transformers v4.44, default chat template is no longer allowed, so you "
            said += "must provide a chat template if the tokenizer does not define one."
            return self.error(400, said)
        if request.get("continue_final_message") and request.get("add_generation_prompt", True):
            said = "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
            return self.error(400, said)
        return None

    def error(
        self, code: int, said: str, kind: str = "BadRequestError", param: str | None = None
    ) -> Reply:
        error = {"message": said, "type": kind, "param": param, "code": code}
        return answered({"error": error}, code)

    def continues(self, request: Request) -> bool:
        return bool(request.get("continue_final_message"))

    def may_think(self, request: Request) -> bool:
        effort = request.get("reasoning_effort")
        named = request.get("chat_template_kwargs", {})
        return bool(named.get("enable_thinking", effort != "none"))

    def message(self, turn: Turn, written: Written) -> dict[str, Any]:
        message = {"refusal": None, "annotations": None, "audio": None, "function_call": None}
        message |= {"reasoning": None, **super().message(turn, written)}
        return message if written.text else message | {"content": None}

    def logprobs(self, turn: Turn, written: Written) -> Any:
        if turn.chat:
            return super().logprobs(turn, written)
        return tabled(written.tokens[: max(1, turn.shown or 0)])


@dataclass
class Sglang(Vllm):
    """SGLang: vLLM's shapes, errors without an envelope, any number of candidates."""

    most: int = -1
    thoughts_in = "reasoning_content"

    def error(
        self, code: int, said: str, kind: str = "BadRequestError", param: str | None = None
    ) -> Reply:
        error = {"object": "error", "message": said, "type": kind, "param": param, "code": code}
        return answered(error, code)
