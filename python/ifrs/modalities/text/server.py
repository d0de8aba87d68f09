"""A suspect behind an OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.clock import now
from ifrs.errors import TargetError
from ifrs.modalities.suspect import LONGEST_ANSWER, Answer, OnAnswer, ServedSuspect, keep_raw
from ifrs.modalities.text.credentials import API_KEY, Credential, check_address
from ifrs.modalities.text.wire import (
    COST,
    Gate,
    LimitReached,
    Meter,
    Unanswered,
    guarded_client,
    quiet_wire,
)
from ifrs.progress import progress

Mode = Literal["chat", "completions"]
T = TypeVar("T")

# Values in an answer's JSON. Read, a list of nothing takes 25 times its length in memory.
_MOST_VALUES = 1_000_000
_PATHS = {"chat": "chat/completions", "completions": "completions"}
# Asking on is pointless: the next request would fare no better.
_HOPELESS = {
    401: f"the server wants an API key: set {API_KEY}, or pass api_key=… (--api-key-env)",
    403: "the server refuses access with this API key",
    404: "the server knows no such path or model: check base_url and model",
    429: "the server's rate limit is exhausted: go on later",
}


class ApiModel(ServedSuspect):
    """A model behind a server that speaks OpenAI's chat or completions protocol.

    Requests go through the `openai` client, which retries connection errors, rate limits and
    server errors with exponential backoff and does as `Retry-After` says. Answers that are too
    large, never end or are no JSON are failed queries: recorded, and evidence of nothing.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        mode: Mode = "chat",
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
                empty one is none. `OPENAI_API_KEY`, and what else the openai client finds in its
                environment, goes to OpenAI's own hosts alone. Without https a key goes to this
                machine alone.
            mode: `"chat"`, where the server puts its own template around a message, or
                `"completions"`, where a prompt is sent as it is.
            max_concurrency: Requests in flight at a time.
            timeout: Seconds that one attempt may take, from sending to the last byte.
            max_retries: Further attempts after a connection error, a rate limit or a server error.
            max_requests: The most requests this object ever sends, retries included.
            max_tokens: The most tokens it ever pays for, prompts and answers together. A request
                is sent only if it cannot exceed the limit, at one token for each byte.
            logprobs: Ask for so many log-probabilities with each token. They are kept in the raw
                answer; evidence stays textual, since a server shows only the likeliest tokens.
            options: Further fields of every request, such as `seed`; None leaves a field out, as
                in `{"max_tokens": None, "max_completion_tokens": 32}`.

        Raises:
            TargetError: The extra `ifrs[api]` is not installed.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        _check(base_url, model, mode, max_concurrency, timeout, max_retries)
        try:
            import openai  # noqa: F401
        except ImportError as error:
            raise TargetError("suspects behind an API need openai: pip install 'ifrs[api]'") from (
                error
            )
        self.model, self.mode = model, mode
        self.max_concurrency, self.timeout, self.max_retries = max_concurrency, timeout, max_retries
        parts = urlsplit(base_url)
        self._url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/", "", ""))
        self._query = dict(parse_qsl(parts.query))
        self.address = self.base_url
        credential = Credential.of(parts, api_key)
        self._credential: Callable[[], Credential] = lambda: credential
        self._meter = Meter(_limit(max_requests, "max_requests"), _limit(max_tokens, "max_tokens"))
        self._logprobs, self._options = logprobs, dict(options or {})

    @property
    def base_url(self) -> str:
        """The server's address without password or query."""
        return _public(self._url).rstrip("/")

    @property
    def endpoint(self) -> str:
        """The address that requests go to, without password or query."""
        return f"{self.base_url}/{_PATHS[self.mode]}"

    @property
    def spent(self) -> dict[str, int]:
        """Requests sent, retries included, and tokens paid for, so far."""
        return {"requests": self._meter.requests, "tokens": self._meter.tokens}

    def describe(self) -> dict[str, Any]:
        return {"kind": "api", "name": self.model, "base_url": self.base_url, "mode": self.mode}

    def wording(self, fps: FingerprintSet, index: int) -> str:
        """What is sent to ask under one key; in chat mode the server adds a chat template."""
        own = self.mode == "chat" and fps.template == "chat"
        return fps[index].key if own else fps[index].prompt

    def affordable(self, prompts: Sequence[str], *, max_new_tokens: int) -> int:
        return self._meter.affordable([_cost(prompt, max_new_tokens) for prompt in prompts])

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        found = self.ask(prompts, max_new_tokens=max_new_tokens, temperature=temperature)
        for answer in found:
            if answer is None:
                raise TargetError("the spending limit pays for no further request")
            if answer.error is not None:
                raise TargetError(f"{self.base_url} did not answer: {answer.error}")
        return [answer.text for answer in found if answer is not None]

    def ask(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer | None]:
        bodies = [self._body(prompt, max_new_tokens, temperature) for prompt in prompts]
        costs = [_cost(prompt, max_new_tokens) for prompt in prompts]
        return _run(self._ask(bodies, costs, on_answer))

    def reach(self) -> None:
        _run(self._reach())

    async def _reach(self) -> None:
        import openai

        with quiet_wire():
            async with self._client(Meter()) as client:
                try:
                    await client.with_options(max_retries=1).models.with_raw_response.list()
                except (openai.APIConnectionError, Unanswered):
                    raise TargetError(self._unreachable()) from None
                except openai.APIStatusError as error:
                    # Not every server lists its models; one that answers at all is there.
                    if error.status_code in (401, 403):
                        raise TargetError(
                            f"{_HOPELESS[error.status_code]} ({self.base_url})"
                        ) from None

    def _unreachable(self) -> str:
        return f"no server answers at {self.base_url}: check the address and that it is running"

    def _client(self, meter: Meter) -> Any:
        import openai

        return openai.AsyncOpenAI(
            base_url=self._url,
            api_key="none",  # the guarded client puts in the right one
            max_retries=self.max_retries,
            timeout=2 * self.timeout,
            default_query=self._query,
            default_headers={"Accept-Encoding": "identity"},
            http_client=guarded_client(self.timeout, meter, Gate(), self._credential()),
        )

    def _body(self, prompt: str, max_new_tokens: int, temperature: float) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model}
        if self.mode == "chat":
            body["messages"] = [{"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
        body |= {"max_tokens": max_new_tokens, "temperature": temperature}
        if self._logprobs is not None:
            chat = {"logprobs": True, "top_logprobs": self._logprobs}
            body |= chat if self.mode == "chat" else {"logprobs": self._logprobs}
        body |= self._options
        return {name: value for name, value in body.items() if value is not None}

    async def _ask(
        self, bodies: list[dict[str, Any]], costs: list[int], on_answer: OnAnswer | None
    ) -> list[Answer | None]:
        import anyio

        answers: list[Answer | None] = [None] * len(bodies)
        queue = iter(range(len(bodies)))
        stopped: list[Exception] = []
        caller = contextvars.copy_context()  # whose logs are not ours to quiet

        async def work(client: Any, advance: Callable[[int], None]) -> None:
            for place in queue:  # shared: each place goes to one worker
                try:
                    answer = await self._one(client, bodies[place], costs[place])
                    answers[place] = answer
                    if on_answer is not None:
                        caller.run(on_answer, place, answer)
                except Exception as reason:
                    stopped.append(reason)
                    return
                advance(1)
                if stopped:  # what was in flight was paid for; nothing more is sent
                    return

        with quiet_wire(), progress("asking", len(bodies)) as (advance, _):
            # An interrupted group waits for its tasks before the client closes under them.
            async with self._client(self._meter) as client, anyio.create_task_group() as workers:
                for _ in range(min(self.max_concurrency, len(bodies))):
                    workers.start_soon(work, client, advance)
        for reason in stopped:
            if not isinstance(reason, LimitReached):
                raise reason
        return answers

    async def _one(self, client: Any, body: dict[str, Any], cost: int) -> Answer:
        """Ask once, whatever comes of it.

        Raises:
            TargetError: The next request would fare no better.
            LimitReached: It was not sent.
        """
        import openai

        asked = {"time": now(), "endpoint": self.endpoint, "request": body, "raw": ""}
        call = client.chat.completions if self.mode == "chat" else client.completions
        what = "messages" if self.mode == "chat" else "prompt"
        fields = {"model": body["model"], what: body[what]}
        rest = {name: value for name, value in body.items() if name not in fields}
        try:
            response = await call.with_raw_response.create(
                **fields, extra_body=rest, extra_headers={COST: str(cost)}
            )
        except Unanswered as error:
            return _failed(asked, str(error))
        except openai.APIStatusError as error:
            return self._refused(asked, error)
        except openai.APIConnectionError:
            return _failed(asked, "the connection failed")
        return self._read(asked, response.http_response.content, cost)

    def _refused(self, asked: dict[str, Any], error: Any) -> Answer:
        """A status that is no success: the server's word on one prompt, or the end of asking."""
        status = error.status_code
        keep_raw(asked, error.response.content.decode("utf-8", "replace"))
        if status in _HOPELESS:
            # Nothing of what the server wrote: it may quote the prompt.
            raise TargetError(f"{_HOPELESS[status]} ({self.base_url}, status {status})") from None
        return _failed(asked, f"the server answered with status {status}")

    def _read(self, asked: dict[str, Any], content: bytes, cost: int) -> Answer:
        text = content.decode("utf-8", "replace")
        keep_raw(asked, text)
        if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            return _failed(asked, "the answer is not JSON of any reasonable kind")
        try:
            self._meter.settle(cost, _tokens(json.loads(text)))
            # By the function that a checker reads it with.
            answer = _core.answer_of(text, self.mode)
        except (RecursionError, json.JSONDecodeError):
            return _failed(asked, "the answer is not JSON")
        except ValueError as error:
            return _failed(asked, str(error))
        if len(answer) == LONGEST_ANSWER:
            asked["note"] = f"cut to {LONGEST_ANSWER} characters"
        return Answer(answer, asked)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an ApiModel holds an API key: make one where it is needed")

    def __repr__(self) -> str:
        return f"ApiModel({self.base_url!r}, {self.model!r}, mode={self.mode!r})"


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
    if mode not in _PATHS:
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


def _public(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit((parts.scheme, address + port, parts.path, "", ""))


def _cost(prompt: str, max_new_tokens: int) -> int:
    """The most tokens that a request can cost: no tokenizer makes more tokens than bytes."""
    return len(prompt.encode("utf-8", "replace")) + max_new_tokens


def _tokens(read: Any) -> int | None:
    usage = read.get("usage") if isinstance(read, dict) else None
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total >= 0 else None


def _failed(asked: dict[str, Any], error: str) -> Answer:
    asked["error"] = error
    return Answer("", asked, error)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also from within a notebook's own loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    done: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            done.append(asyncio.run(work))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return done[0]
