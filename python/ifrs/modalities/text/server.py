"""A suspect behind an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, NoReturn
from urllib.parse import urlsplit

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.clock import now
from ifrs.errors import TargetError
from ifrs.modalities.suspect import (
    LONGEST_ANSWER,
    Answer,
    NeverAnswers,
    OnAnswer,
    ServedSuspect,
    keep_raw,
)
from ifrs.modalities.text.credentials import Credential, check_address
from ifrs.modalities.text.probe import Found, Probe
from ifrs.modalities.text.requests import Requests
from ifrs.modalities.text.sending import HOPELESS, PATHS, Mode, Reply, Sender, run
from ifrs.modalities.text.wire import LimitReached, Meter, quiet_wire, require_client

Evidence = Literal["auto", "text", "likelihood"]

# Values in an answer's JSON. Read, a list of nothing takes 25 times its length in memory.
_MOST_VALUES = 1_000_000
# Tokens to ask for where no probe has found out how many are shown.
_USUALLY_SHOWN = 20
# Further room for thoughts where an answer was cut off before it began, once.
_RAISED = 4
_LEAST_RAISED = 2048
_Job = Callable[[Any], Coroutine[Any, Any, Answer]]


class ApiModel(ServedSuspect):
    """A model behind a server that speaks OpenAI's chat or completions protocol.

    Connection errors, rate limits and server errors are retried with exponential backoff, or as
    `Retry-After` says, by `tenacity`. Answers that are too
    large, never end or are no JSON are failed queries: recorded, and evidence of nothing.

    Before the first key `ifrs.verify` has a probe ask ordinary questions: which fields the server
    takes, whether it thinks, whether it shows probabilities.
    """

    modality = "text"
    # What sends requests: other kinds of keys are sent otherwise.
    sender: ClassVar[type[Sender]] = Sender

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        mode: Mode = "chat",
        evidence: Evidence = "auto",
        probe: bool = True,
        reasoning_tokens: int | None = None,
        max_concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 5,
        max_requests: int | None = None,
        max_tokens: int | None = None,
        logprobs: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Name a server and a model; nothing is sent yet.

        Args:
            base_url: Where the protocol's paths begin, often ending in `/v1`. A query goes with
                every request; neither it nor a password is ever shown.
            model: The model's name at the server.
            api_key: The server's key; without one `IFRS_API_KEY`, and none if that is not set. An
                empty one is none. `OPENAI_API_KEY`, `OPENAI_ORG_ID` and `OPENAI_PROJECT_ID` go to
                OpenAI's own hosts alone. Without https a key goes to this machine alone.
            mode: `"chat"`, where the server puts its own template around a message, or
                `"completions"`, where a prompt is sent as it is.
            evidence: `"text"` weighs answers; `"likelihood"` the probabilities of a response's
                words, which the server must show; `"auto"` takes these where the probe found them.
            probe: Whether ordinary questions go before the first key, to find out how the server
                can be asked. Without them a key may be spent in a way that cannot be answered.
            reasoning_tokens: Room for thoughts before an answer, in tokens; None to find out, to
                switch thinking off where that can be done, and to allow more once.
            max_concurrency: Requests in flight at a time.
            timeout: Seconds that one attempt may take, from sending to the last byte.
            max_retries: Further attempts after a connection error, a rate limit or a server error.
            max_requests: The most requests this object ever sends, retries included.
            max_tokens: The most tokens it ever pays for, prompts and answers together. A request
                is sent only if it cannot exceed the limit, at one token for each byte.
            logprobs: Ask for so many log-probabilities with each token of an answer in text. They
                are kept in the raw answer, and not weighed.
            options: Further fields of every request, such as `seed`; None leaves a field out, as
                in `{"max_tokens": None, "max_completion_tokens": 32}`.

        Raises:
            TargetError: The extra `ifrs[api]` is not installed.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        _check(base_url, model, mode, max_concurrency, timeout, max_retries)
        if evidence not in ("auto", "text", "likelihood"):
            raise ValueError(f'evidence must be "auto", "text" or "likelihood", not {evidence!r}')
        require_client("suspects")
        self.model, self.mode, self.evidence = model, mode, evidence
        self.max_concurrency = max_concurrency
        parts = urlsplit(base_url)
        self._meter = Meter(_limit(max_requests, "max_requests"), _limit(max_tokens, "max_tokens"))
        self._sender = self.sender(
            parts,
            mode,
            Credential.of(parts, api_key),
            self._meter,
            max_concurrency=max_concurrency,
            timeout=timeout,
            max_retries=max_retries,
        )
        self._requests = Requests(model, mode, dict(options or {}), logprobs)
        self._given_room = _limit(reasoning_tokens, "reasoning_tokens")
        self._requests.reasoning_tokens = self._given_room or 0
        self._raised = False
        self._found: Found | None = None
        self._probes = probe
        self.address = self.base_url

    @property
    def base_url(self) -> str:
        """The server's address without password or query."""
        return self._sender.base_url

    @property
    def endpoint(self) -> str:
        """The address that requests go to, without password or query."""
        return self._sender.endpoint

    @property
    def spent(self) -> dict[str, int]:
        """Requests sent, retries included, and tokens paid for, so far."""
        return {"requests": self._meter.requests, "tokens": self._meter.tokens}

    @property
    def thinks(self) -> bool:  # type: ignore[override]
        """Whether it thinks before it answers."""
        return self._requests.reasoning_tokens > 0

    @property
    def samples(self) -> bool:  # type: ignore[override]
        """Whether it refuses temperature 0."""
        return not self._requests.takes_temperature

    @property
    def shown_words(self) -> int:  # type: ignore[override]
        """How many words of a response are ranked by the probabilities that it shows."""
        if self.evidence == "text":
            return 0
        if self._found is None:
            unprobed = 2 if self.mode == "completions" else 1
            return unprobed if self.evidence == "likelihood" else 0
        if not self._shows:
            return 0
        # One word alone proves less than an answer in text, where there is one.
        alone = 1 if self.evidence == "likelihood" else 0
        return 2 if self._found.continues else alone

    @property
    def _shows(self) -> int:
        return _USUALLY_SHOWN if self._found is None else self._found.logprobs

    def describe(self) -> dict[str, Any]:
        return {"kind": "api", "name": self.model, "base_url": self.base_url, "mode": self.mode}

    def wording(self, fps: FingerprintSet, index: int) -> str:
        """What is sent to query one key; in chat mode the server adds a chat template."""
        own = self.mode == "chat" and fps.template == "chat"
        return fps[index].key if own else fps[index].prompt

    def affordable(self, prompts: Sequence[str], *, max_new_tokens: int) -> int:
        room = max_new_tokens + self._requests.reasoning_tokens
        return self._meter.affordable([_cost(prompt, room) for prompt in prompts])

    def affordable_words(self, fps: FingerprintSet, indices: Sequence[int]) -> int:
        words = self.shown_words
        costs = [_cost(self.wording(fps, index), 1) for index in indices for _ in range(words)]
        return self._meter.affordable(costs) // words

    def ask(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer | None]:
        def job(prompt: str) -> _Job:
            return lambda client: self._text(client, prompt, max_new_tokens, temperature)

        return run(self._sender.gather([job(prompt) for prompt in prompts], on_answer))

    def ask_words(
        self, fps: FingerprintSet, indices: Sequence[int], *, on_answer: OnAnswer
    ) -> list[Answer | None]:
        def job(index: int) -> _Job:
            return lambda client: self._words(client, fps, index)

        return run(self._sender.gather([job(index) for index in indices], on_answer))

    def reach(self) -> None:
        run(self._reach())

    async def _reach(self) -> None:
        with quiet_wire():
            await self._sender.reach()

    def probe(self, fps: FingerprintSet) -> dict[str, Any] | None:
        self.reach()
        if not self._probes:
            return None
        try:
            run(self._probe(self.evidence != "text" and bool(fps.candidates("shown", 0))))
        except NeverAnswers as reason:
            reason.found = dict(vars(self._found))
            raise
        assert self._found is not None
        if self.evidence == "likelihood" and not self.shown_words:
            raise TargetError(
                f"{self.base_url} shows no probabilities that words can be ranked by: ask with "
                'evidence="text" (--evidence text)'
            )
        return dict(vars(self._found))

    async def _probe(self, shown: bool) -> None:
        probe = Probe(self._sender, self._requests, reasoning_tokens=self._given_room, shown=shown)
        self._found = probe.found
        with quiet_wire():
            await probe.run()

    async def _text(
        self, client: Any, prompt: str, max_new_tokens: int, temperature: float
    ) -> Answer:
        """Ask in text; once more, with more room, where thoughts took all there was."""
        used = self._requests.reasoning_tokens
        body = self._requests.text(prompt, max_new_tokens, temperature)
        answer = await self._one(client, body, _cost(prompt, self._room(max_new_tokens)))
        if not answer.cut_off or not self._raise(used):
            return answer
        body = self._requests.text(prompt, max_new_tokens, temperature)
        try:
            again = await self._one(client, body, _cost(prompt, self._room(max_new_tokens)))
        except LimitReached:
            return answer
        return answer if again.error is not None else again

    def _room(self, max_new_tokens: int) -> int:
        return max_new_tokens + self._requests.reasoning_tokens

    def _raise(self, used: int) -> bool:
        """Allow more room for thoughts, once; whether there is more than was used."""
        if not self._raised and self._given_room is None:
            self._raised = True
            self._requests.reasoning_tokens = max(_RAISED * used, _LEAST_RAISED)
        return self._requests.reasoning_tokens > used

    async def _words(self, client: Any, fps: FingerprintSet, index: int) -> Answer:
        """Ask for the first word's probabilities, then for the second's behind the first one."""
        prompt, (word, other) = self.wording(fps, index), fps[index].response.split(" ")
        first = await self._shown_answer(client, prompt, None, word)
        if first.error is not None or self.shown_words == 1:
            return first
        lead = fps.lead if self.mode == "completions" else ""
        try:
            second = await self._shown_answer(client, prompt, lead + word, other)
        except LimitReached:
            return _failed(first.asked, "the spending limit pays for no second word")
        if second.error is not None:
            return _failed(first.asked, second.error)
        text = first.text
        if text.strip() == word:
            # Some servers say what had begun again.
            again = second.text.lstrip().startswith(word)
            text = second.text if again else text + second.text
        cut = first.cut_off or second.cut_off
        return Answer(text, first.asked, cut_off=cut, asked_after=second.asked)

    async def _shown_answer(self, client: Any, prompt: str, begun: str | None, word: str) -> Answer:
        body = self._requests.word(prompt, begun, self._shows)
        answer = await self._one(client, body, _cost(prompt + (begun or ""), 1))
        if answer.error is None:
            raw = answer.asked["raw"]
            try:
                _core.shown(raw, self.mode)
                # By the function with which a checker finds out what is no silence.
                answer = replace(answer, cut_off=_core.unheard(raw, self.mode, word))
            except ValueError as error:
                return _failed(answer.asked, str(error))
        return answer

    async def _one(self, client: Any, body: dict[str, Any], cost: int) -> Answer:
        """Ask once, whatever comes of it.

        Raises:
            TargetError: The next request would fare no better.
            LimitReached: It was not sent.
        """
        asked = {"time": now(), "endpoint": self.endpoint, "request": body, "raw": ""}
        reply = await self._sender.send(client, body, cost)
        if reply.status == 200:
            return self._read(asked, reply, cost)
        if reply.status:
            keep_raw(asked, reply.text)
        if reply.status in HOPELESS:
            # Nothing of what the server wrote: it may quote the prompt.
            said = f"{HOPELESS[reply.status]} ({self.base_url}, status {reply.status})"
            raise TargetError(said) from None
        return _failed(asked, reply.error or "")

    def _read(self, asked: dict[str, Any], reply: Reply, cost: int) -> Answer:
        keep_raw(asked, reply.text)
        if sum(map(reply.content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            return _failed(asked, "the answer is not JSON of any reasonable kind")
        self._sender.settle(cost, reply)
        try:
            # By the function that a checker reads it with.
            answer, _, cut = _core.read_answer(reply.text, self.mode)
        except ValueError as error:
            return _failed(asked, str(error))
        if len(answer) == LONGEST_ANSWER:
            asked["note"] = f"cut to {LONGEST_ANSWER} characters"
        return Answer(answer, asked, cut_off=cut)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an ApiModel holds an API key: make one where it is needed")

    def __repr__(self) -> str:
        return f"ApiModel({self.base_url!r}, {self.model!r}, mode={self.mode!r})"


def served(base_url: str, *, api_key: str | None = None) -> list[str]:
    """The names of the models at a server; none where it lists none.

    Raises:
        TargetError: No server answers, or it refuses access.
    """
    suspect = ApiModel(base_url, "unknown", api_key=api_key, max_retries=1)
    suspect.reach()

    async def names() -> list[str]:
        with quiet_wire():
            async with suspect._sender.client(meter=Meter()) as client:
                return await suspect._sender.models(client)

    return run(names())


def _check(
    base_url: str,
    model: str,
    mode: str,
    max_concurrency: int,
    timeout: float,
    max_retries: int,
) -> None:
    if not isinstance(base_url, str) or not isinstance(model, str):
        raise TypeError("base_url and model must be str")
    check_address(urlsplit(base_url))
    if not model:
        raise ValueError("model must be the model's name at the server")
    if mode not in PATHS:
        raise ValueError(f'mode must be "chat" or "completions", not {mode!r}')
    if max_concurrency < 1:
        raise ValueError(f"max_concurrency must be at least 1, not {max_concurrency}")
    if not timeout > 0:
        raise ValueError(f"timeout must be positive, not {timeout}")
    if max_retries < 0:
        raise ValueError(f"max_retries must not be negative, not {max_retries}")


def _limit(limit: int | None, name: str) -> int | None:
    if limit is not None and limit < 0:
        raise ValueError(f"{name} must not be negative, not {limit}")
    return limit


def _cost(prompt: str, max_new_tokens: int) -> int:
    """The most tokens that a request can cost: no tokenizer makes more tokens than bytes."""
    return len(prompt.encode("utf-8", "replace")) + max_new_tokens


def _failed(asked: dict[str, Any], error: str) -> Answer:
    asked["error"] = error
    return Answer("", asked, error)
