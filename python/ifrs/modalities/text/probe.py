"""A harmless question to a server before any key: whether and how it can be asked.

What servers want differs: a field for the longest answer, no temperature, a prompt without a chat
template. A key that is sent in a way that cannot be answered is spent for nothing, so ordinary
questions go first, and what they bring out is how keys are asked.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from ifrs import _core
from ifrs.clock import now
from ifrs.errors import TargetError
from ifrs.modalities.suspect import NeverAnswers
from ifrs.modalities.text.requests import CONTINUE, LIMITS, Requests
from ifrs.modalities.text.sending import HOPELESS, Reply, Sender
from ifrs.modalities.text.wire import LimitReached
from ifrs.visible import one_line

QUESTION = {"chat": "Name the capital of France.", "completions": "The capital of France is"}
# A prompt, and an answer that has begun. Who goes on with it writes a space first; who begins anew
# does not, as a server that puts its chat template around completions, too.
CONTINUED = {
    "chat": ("Name the days of the week.", "Monday, Tuesday, Wednesday, Thursday,"),
    "completions": ("Monday, Tuesday,", " Wednesday, Thursday,"),
}
NEXT = " Friday"
_ANSWER_TOKENS = 32
_REASONING_TOKENS = 2048
_LITTLE_REASONING = 512  # where a server's context has no room for more
_RAISED = 4  # times, once
_SHOWN = (2000, 20, 5)
_FEWEST_SHOWN = 5
_THINKING_OFF: tuple[dict[str, Any], ...] = (
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"reasoning_effort": "none"},
    {"think": False},
)
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_LONGEST_QUOTE = 200


@dataclass
class Found:
    """What a probe found.

    Attributes:
        time: When (RFC 3339, UTC).
        answers: Whether the answer to an ordinary question held anything.
        seconds: How long that answer took.
        limit_field: The field that limits an answer's length.
        temperature: Whether temperature 0 is taken.
        reasoning: Where thoughts came, such as `reasoning_content`; None where nothing is thought.
        thinking_off: The fields that switched thinking off; None where none did, or none need.
        reasoning_tokens: Room for thoughts, in tokens.
        logprobs: How many tokens are shown with their probabilities.
        chat_template: Whether there is one; None where none is needed.
        continues: Whether an answer that has begun is continued.
        requests: Requests that the probe took, but for retries.
    """

    time: str = field(default_factory=now)
    answers: bool = False
    seconds: float = 0.0
    limit_field: str = LIMITS[0]
    temperature: bool = True
    reasoning: str | None = None
    thinking_off: dict[str, Any] | None = None
    reasoning_tokens: int = 0
    logprobs: int = 0
    chat_template: bool | None = None
    continues: bool = False
    requests: int = 0

    @property
    def thinks(self) -> bool:
        """Whether it thinks before it answers keys."""
        return self.reasoning is not None and self.thinking_off is None


class Probe:
    """Asks ordinary questions, and sets how requests are worded by what comes back."""

    def __init__(
        self,
        sender: Sender,
        requests: Requests,
        *,
        reasoning_tokens: int | None,
        shown: bool,
    ) -> None:
        """Prepare to ask.

        Args:
            sender: The server.
            requests: How its requests are worded; set by what is found.
            reasoning_tokens: Room for thoughts; None to find out.
            shown: Whether to ask for probabilities.
        """
        self._sender, self._requests = sender, requests
        self._given, self._shown = reasoning_tokens, shown
        self.found = Found()

    async def run(self) -> None:
        """Ask; `found` holds what comes of it, also where it ends early.

        Raises:
            TargetError: The server cannot be asked; the message says what to do.
            NeverAnswers: It thinks, and does not come to an answer.
        """
        async with self._sender.client(patient=True) as client:
            self._client = client
            try:
                await self._ask()
                if self.found.reasoning is not None:
                    await self._settle_thinking()
                if self._shown and not self.found.thinks:
                    await self._look_for_probabilities()
            except LimitReached:
                raise TargetError(
                    "the spending limit pays for no probe: allow more, or leave the probe out with "
                    "probe=False (--no-probe)"
                ) from None
            finally:
                self.found.limit_field = self._requests.limit
                self.found.temperature = self._requests.takes_temperature
                self.found.reasoning_tokens = self._requests.reasoning_tokens

    async def _ask(self) -> None:
        """An ordinary question, in the first way that the server takes."""
        mode, started = self._requests.mode, time.monotonic()
        reply = await self._send(self._question())
        while reply.status in (400, 422) and self._adapt(reply):
            started = time.monotonic()
            reply = await self._send(self._question())
        if reply.status != 200:
            await self._refuse(reply)
        self.found.seconds = round(time.monotonic() - started, 3)
        text, thought, cut = self._read(reply)
        self.found.answers = bool(text.strip())
        self.found.chat_template = True if mode == "chat" else None
        if thought or cut:
            self.found.reasoning = _where(reply.text)

    def _question(self, **more: Any) -> dict[str, Any]:
        requests = self._requests
        return requests.text(QUESTION[requests.mode], _ANSWER_TOKENS, 0.0) | more

    def _adapt(self, reply: Reply) -> bool:
        """Whether the complaint names a field that can be worded otherwise."""
        requests, said = self._requests, reply.text.lower()
        if requests.limit == LIMITS[0] and LIMITS[1] in said:
            requests.limit = LIMITS[1]
            return True
        if requests.takes_temperature and "temperature" in said:
            requests.takes_temperature = False
            return True
        return False

    async def _refuse(self, reply: Reply) -> None:
        """Say why no key can be sent, and what to do."""
        status, where = reply.status, self._sender.base_url
        if status == 404:
            served = await self._sender.models(self._client)
            named = f": it serves {', '.join(map(one_line, served[:10]))}" if served else ""
            raise TargetError(f"{HOPELESS[404]}{named} ({where}, status 404)")
        if status in HOPELESS:
            raise TargetError(f"{HOPELESS[status]} ({where}, status {status})")
        if status == 0:
            raise TargetError(
                f"{where} gave no answer to an ordinary question ({reply.error}): look at the "
                "server, or allow more time (--timeout)"
            )
        if self._requests.mode == "chat" and "template" in reply.text.lower():
            raise TargetError(
                f'the model at {where} has no chat template: ask it in mode "completions" '
                "(--mode completions)"
            )
        if status == 503:
            raise TargetError(f"{where} is still loading its model: go on later (status 503)")
        raise TargetError(
            f"{where} refuses an ordinary question (status {status}{_quoted(reply.text)})"
        )

    def _read(self, reply: Reply) -> tuple[str, bool, bool]:
        try:
            text, thought, cut = _core.read_answer(reply.text, self._requests.mode)
        except ValueError as error:
            raise TargetError(
                f"{self._sender.base_url} cannot be asked: {error}{_quoted(reply.text, ', ')}"
            ) from None
        if not text.strip() and _calls_tools(reply.text):
            raise TargetError(
                f"{self._sender.base_url} answers an ordinary question with calls of tools: ask it "
                'without tools, or with options={"tool_choice": "none"}'
            )
        return text, thought, cut

    async def _settle_thinking(self) -> None:
        """Switch thinking off, or find out how much room it needs."""
        for fields in _THINKING_OFF:
            if self._given:
                break  # who gives room for thoughts wants them
            reply = await self._send(self._question(**fields))
            if reply.status != 200:
                continue
            text, thought, cut = self._read(reply)
            if text.strip() and not thought and not cut:
                self._requests.thinking_off = dict(fields)
                self.found.thinking_off = dict(fields)
                return
        if self._given:
            enough = await self._is_room(self._given)
        else:
            # A refusal says that the server's context has no room for so much.
            enough = await self._is_room(_REASONING_TOKENS)
            if enough is None:
                enough = await self._is_room(_LITTLE_REASONING)
            elif not enough:
                enough = await self._is_room(_RAISED * _REASONING_TOKENS)
        if enough:
            return
        raise NeverAnswers(
            f"the suspect thinks for more than {self._requests.reasoning_tokens:,} tokens about an "
            "ordinary question, and no key was sent: allow more with reasoning_tokens=… "
            "(--reasoning-tokens N)"
        )

    async def _is_room(self, tokens: int) -> bool | None:
        """Whether thoughts come to an answer in so many tokens; None where that is refused."""
        self._requests.reasoning_tokens = tokens
        reply = await self._send(self._question())
        if reply.status in (400, 422):
            return None
        if reply.status != 200:
            await self._refuse(reply)
        text, _, cut = self._read(reply)
        self.found.answers = bool(text.strip()) and not cut
        return not cut

    async def _look_for_probabilities(self) -> None:
        requests = self._requests
        prompt = QUESTION[requests.mode]
        for count in _SHOWN:
            reply = await self._send(requests.word(prompt, None, count))
            if reply.status == 200:
                self.found.logprobs = _number_shown(reply.text, requests.mode)
                break
        if self.found.logprobs < _FEWEST_SHOWN:
            return
        question, begun = CONTINUED[requests.mode]
        for fields in (CONTINUE, {}) if requests.mode == "chat" else ({},):
            requests.continuing = dict(fields)
            reply = await self._send(requests.word(question, begun, self.found.logprobs))
            self.found.continues = reply.status == 200 and self._goes_on(reply)
            if self.found.continues:
                return

    def _goes_on(self, reply: Reply) -> bool:
        # By the token: in the text some servers say what had begun again.
        try:
            tokens = _core.shown(reply.text, self._requests.mode)
        except ValueError:
            return False
        likeliest = max(tokens, key=lambda token: token[1])[0]
        return likeliest.replace("\u2581", " ").replace("\u0120", " ") == NEXT

    async def _send(self, body: dict[str, Any]) -> Reply:
        self.found.requests += 1
        cost = len(json.dumps(body)) + _ANSWER_TOKENS + self._requests.reasoning_tokens
        reply = await self._sender.send(self._client, body, cost)
        self._sender.settle(cost, reply)
        return reply


def _where(raw: str) -> str:
    """Where the thoughts of a raw answer stand; they may be hidden altogether."""
    message = _message(raw)
    named = [name for name in _THOUGHTS if message.get(name)]
    if named:
        return named[0]
    if isinstance(message.get("content"), list):
        return "content"
    return "<think>" if "</think>" in raw or "<think>" in raw else "hidden"


def _message(raw: str) -> dict[str, Any]:
    choice = json.loads(raw)["choices"][0]
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


def _calls_tools(raw: str) -> bool:
    return bool(_message(raw).get("tool_calls"))


def _number_shown(raw: str, mode: str) -> int:
    try:
        return len({token for token, _ in _core.shown(raw, mode)})
    except ValueError:
        return 0


def _quoted(raw: str, before: str = ": ") -> str:
    """What a server says of an ordinary question."""
    try:
        read = json.loads(raw)
    except ValueError:
        return ""
    read = read if isinstance(read, dict) else {}
    choices = read.get("choices")
    within = choices[0] if isinstance(choices, list) and choices else {}
    error = within.get("error") if isinstance(within, dict) and within.get("error") else read
    error = error.get("error", error) if isinstance(error, dict) else error
    said = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    return f"{before}{one_line(said)[:_LONGEST_QUOTE]}" if isinstance(said, str) and said else ""
