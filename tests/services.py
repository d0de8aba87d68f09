"""Stand-ins for further servers: OpenAI, Ollama, Hugging Face's two, LM Studio and gateways."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from fronts import Front, Request, Turn, Written, answered, tabled
from servers import Reply

# Fields that OpenAI knows, of those that anybody sends.
_KNOWN = {
    "model",
    "messages",
    "prompt",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "seed",
    "stop",
}


@dataclass
class OpenAI(Front):
    """OpenAI: strict about fields, 20 candidates in chat and 5 in completions.

    Attributes:
        reasons: Whether the model reasons: then one field for the limit, no temperature, no
            log-probabilities, and thoughts that are paid for but not shown.
        efforts: The values of `reasoning_effort` that it takes.
    """

    reasons: bool = False
    efforts: tuple[str, ...] = ("low", "medium", "high")
    thoughts_in: ClassVar[str | None] = None

    def refusal(self, request: Request) -> Reply | None:
        if request["model"] != self.name:
            said = f"The model `{request['model']}` does not exist or you do not have access to it."
            return self.error(said, None, "model_not_found", 404)
        if strange := sorted(set(request) - _KNOWN):
            return self.error(f"Unrecognized request argument supplied: {strange[0]}", None, None)
        return self._reasoning(request) if self.reasons else self._plain(request)

    def _reasoning(self, request: Request) -> Reply | None:
        if "max_tokens" in request:
            said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            said += "'max_completion_tokens' instead."
            return self.error(said, "max_tokens", "unsupported_parameter")
        if request.get("temperature", 1) != 1:
            said = "Unsupported value: 'temperature' does not support 0 with this model. Only the "
            said += "default (1) value is supported."
            return self.error(said, "temperature", "unsupported_value")
        effort = request.get("reasoning_effort", self.efforts[0])
        if effort not in self.efforts:
            said = f"Unsupported value: 'reasoning_effort' does not support '{effort}' with this "
            said += "model."
            return self.error(said, "reasoning_effort", "unsupported_value")
        if request.get("logprobs"):
            said = "You are not allowed to request logprobs from this model"
            return self.error(said, None, None, 403)
        return None

    def _plain(self, request: Request) -> Reply | None:
        if "reasoning_effort" in request:
            said = "Unrecognized request argument supplied: reasoning_effort"
            return self.error(said, None, None)
        most = 20 if "messages" in request else 5
        if (self.shown(request) or 0) > most:
            name = "top_logprobs" if "messages" in request else "logprobs"
            said = f"Invalid value for '{name}': must be less than or equal to {most}."
            return self.error(said, name, None)
        return None

    def error(self, said: str, param: str | None, code: str | None, status: int = 400) -> Reply:
        error = {"message": said, "type": "invalid_request_error", "param": param, "code": code}
        return answered({"error": error}, status)

    def may_think(self, request: Request) -> bool:
        return request.get("reasoning_effort") != "none"

    def message(self, turn: Turn, written: Written) -> dict[str, Any]:
        return super().message(turn, written) | {"refusal": None, "annotations": []}

    def logprobs(self, turn: Turn, written: Written) -> Any:
        if turn.chat:
            return super().logprobs(turn, written) | {"refusal": None}
        return tabled(written.tokens[: turn.shown])


@dataclass
class Ollama(Front):
    """Ollama: one field for the limit, its own template around prompts as well, 20 candidates.

    Attributes:
        shows: Whether it is of version 0.12.11 or later; earlier ones show no probabilities.
    """

    shows: bool = True
    limits: ClassVar[tuple[str, ...]] = ("max_tokens",)
    thoughts_in: ClassVar[str | None] = "reasoning"

    def refusal(self, request: Request) -> Reply | None:
        if request["model"] != self.name:
            return self.error(404, f"model '{request['model']}' not found", "not_found_error")
        effort = request.get("reasoning_effort", "none")
        if effort != "none" and not self.mind.thoughts:
            return self.error(400, f'"{self.name}" does not support thinking')
        if self.shows and not 0 <= (self.shown(request) or 0) <= 20:
            return self.error(400, "top_logprobs must be between 0 and 20")
        return None

    def error(self, code: int, said: str, kind: str = "invalid_request_error") -> Reply:
        error = {"message": said, "type": kind, "param": None, "code": None}
        return answered({"error": error}, code)

    def turn(self, request: Request) -> Turn:
        if "messages" in request:
            return super().turn(request)
        # A prompt becomes the message of a user, whatever it holds.
        messages = [{"role": "user", "content": request["prompt"]}]
        turn = super().turn({**request, "messages": messages})
        return replace(turn, chat=False, shown=self.shown(request))

    def shown(self, request: Request) -> int | None:
        return super().shown(request) if self.shows else None

    def continues(self, request: Request) -> bool:
        return True

    def may_think(self, request: Request) -> bool:
        return request.get("reasoning_effort") != "none"


@dataclass
class TextGenerationInference(Front):
    """Text Generation Inference: 5 candidates, errors that are texts."""

    longest: int = 4096
    thoughts_in: ClassVar[str | None] = None

    def refusal(self, request: Request) -> Reply | None:
        if "messages" in request and not self.template:
            return self.error("Template error: template not found", "template_error")
        shown = self.shown(request) or 0
        if shown > 5:
            said = f"`top_n_tokens` must be >= 0 and <= 5. Given: {shown}"
            return self.error(f"Input validation error: {said}", "validation")
        limit = self.turn(request).limit
        if limit + 20 > self.longest:
            said = f"`inputs` tokens + `max_new_tokens` must be <= {self.longest}. Given: 20 "
            said += f"`inputs` tokens and {limit} `max_new_tokens`"
            return self.error(f"Input validation error: {said}", "validation")
        return None

    def error(self, said: str, kind: str) -> Reply:
        return answered({"error": said, "error_type": kind}, 422)

    def continues(self, request: Request) -> bool:
        return True

    def shown(self, request: Request) -> int | None:
        return super().shown(request) if "messages" in request else None

    def reply(self, turn: Turn, written: Written) -> dict[str, Any]:
        body = super().reply(turn, written)
        choice = body["choices"][0]
        choice.setdefault("logprobs", None)
        if not turn.chat and written.finish == "stop":
            choice["finish_reason"] = "eos_token"
        return body


@dataclass
class TransformersServe(Front):
    """`transformers serve`: unknown fields are refused, log-probabilities ignored in silence."""

    _CHAT: ClassVar[set[str]] = _KNOWN | {"chat_template_kwargs", "generation_config"}
    _TEXT: ClassVar[set[str]] = {"model", "prompt", "max_tokens", "temperature", "logprobs", "seed"}

    def refusal(self, request: Request) -> Reply | None:
        if strange := set(request) - (self._CHAT if "messages" in request else self._TEXT):
            return answered({"detail": f"Unexpected fields in the request: {strange}"}, 422)
        if request["model"] != self.name:
            said = f"Server is pinned to '{self.name}'; requested '{request['model']}'."
            return answered({"detail": said}, 400)
        if "messages" in request and not self.template:
            return Reply(body=b"Internal Server Error", status=500)
        return None

    def shown(self, request: Request) -> int | None:
        return None


@dataclass
class LmStudio(Front):
    """LM Studio: fields of log-probabilities that are always empty."""

    def refusal(self, request: Request) -> Reply | None:
        if request["model"] != self.name:
            said = f"Model '{request['model']}' not found. Load one of yours first."
            error = {"message": said, "type": "invalid_request_error", "code": "model_not_found"}
            return answered({"error": error}, 404)
        return None

    def logprobs(self, turn: Turn, written: Written) -> Any:
        return None


@dataclass
class Gateway(Front):
    """One before other people's servers, such as OpenRouter's.

    Attributes:
        fault: `error` and `choice`: it failed, says the body or its choice, with status 200;
            `empty`: no choices; `tools`: calls of tools; None: it works.
        parts: Whether contents are lists of parts, thoughts among them.
    """

    fault: str | None = None
    parts: bool = False
    thoughts_in: ClassVar[str | None] = "reasoning"
    failed: dict[str, Any] = field(
        default_factory=lambda: {"message": "Provider returned error", "code": 502}
    )

    def reply(self, turn: Turn, written: Written) -> dict[str, Any]:
        body = super().reply(turn, written)
        choice = body["choices"][0] | {"native_finish_reason": written.finish}
        if self.fault == "error":
            return {"error": self.failed, "user_id": "user_x"}
        if self.fault == "choice":
            choice |= {"error": self.failed, "finish_reason": "error"}
            choice["message"] = {"role": "assistant", "content": ""}
        if self.fault == "tools":
            called = {"name": "search", "arguments": "{}"}
            call = {"id": "1", "type": "function", "function": called}
            choice |= {"finish_reason": "tool_calls"}
            choice["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
        return body | {"choices": [] if self.fault == "empty" else [choice]}

    def shown(self, request: Request) -> int | None:
        return None  # most providers behind one show none

    def may_think(self, request: Request) -> bool:
        return request.get("reasoning_effort") != "none"

    def message(self, turn: Turn, written: Written) -> dict[str, Any]:
        message = super().message(turn, written)
        if not self.parts:
            detail = {"type": "reasoning.text", "text": written.thoughts}
            return message | ({"reasoning_details": [detail]} if written.thoughts else {})
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": written.thoughts}]}
        spoken = {"type": "text", "text": written.text}
        parts = [thinking] * bool(written.thoughts) + [spoken] * bool(written.text)
        return {"role": "assistant", "content": parts}
