"""The HTTP client underneath `ApiModel`: patience, size and spending have limits.

The openai client retries and backs off by itself. What it lacks is added where every attempt
passes: an answer that is too large or never ends is given up, a rate limit met by one request
holds back all of them, and nothing is sent that the spending limit does not pay for. It would take
credentials from its environment: of the headers that it puts in, those leave that are needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ifrs.modalities.text.credentials import Credential
from ifrs.modalities.text.proxies import named_cause

_LARGEST_BODY = 32 * 1024 * 1024  # bytes; more is not an answer
_LARGEST_ERROR = 1024 * 1024  # bytes; what follows of a server's complaint is not read
_LONGEST_HOLD = 120.0  # seconds; the openai client gives up a request that must wait longer
# Headers that the protocol needs, and nothing that a client puts in of its own accord.
_SENT = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
}
# Headers of an answer that the openai client heeds. A charset, for one, may name a codec that
# unpacks to any size.
_PASSING = (429, 502, 503, 504)  # what a server says while it starts, or has too much to do
_HEEDED = ("retry-after", "retry-after-ms", "x-should-retry")


class Unanswered(Exception):
    """One request that came to nothing; the text says why and quotes nothing."""


class LimitReached(Exception):
    """The spending limit pays for no further request."""


@dataclass
class Meter:
    """Counts what was spent, retries included, and stops at the limit.

    Attributes:
        max_requests: The most requests to send; None for any number.
        max_tokens: The most tokens, prompts and answers together; None for any number.
        requests: Requests sent.
        tokens: Tokens that the server reported; where it reports none, the most they can be.
    """

    max_requests: int | None = None
    max_tokens: int | None = None
    requests: int = 0
    tokens: int = 0

    def affordable(self, costs: list[int]) -> int:
        """How many requests, from the first on, are paid for if each costs at most `costs`."""
        left = len(costs)
        if self.max_requests is not None:
            left = min(left, max(0, self.max_requests - self.requests))
        if self.max_tokens is None:
            return left
        total = self.tokens
        for place, cost in enumerate(costs[:left]):
            total += cost
            if total > self.max_tokens:
                return place
        return left

    def take(self, cost: int) -> None:
        """Pay for one request in advance."""
        if self.affordable([cost]) == 0:
            raise LimitReached
        self.requests += 1
        self.tokens += cost

    def settle(self, cost: int, reported: int | None) -> None:
        """Replace what was paid in advance by what the server reports."""
        if reported is not None:
            self.tokens += reported - cost


@dataclass
class Gate:
    """Holds back every request while the server asks to wait."""

    opens: float = 0.0

    async def wait(self) -> None:
        while (left := self.opens - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def close_for(self, seconds: float) -> None:
        self.opens = max(self.opens, time.monotonic() + min(seconds, _LONGEST_HOLD))


def guarded_client(
    timeout: float, meter: Meter, gate: Gate, credential: Credential, *, patient: bool = False
) -> Any:
    """An HTTP client for `openai.AsyncOpenAI` whose every attempt is within limits.

    A patient one is for many attempts: only what passes by itself is tried again.
    """
    import anyio
    import openai

    class Guarded(openai.DefaultAsyncHttpxClient):
        async def send(self, request: Any, **options: Any) -> Any:
            await gate.wait()
            # Paid at every attempt: a retried request costs its tokens again.
            try:
                meter.take(int(request.headers.pop(COST, 0)))
            except LimitReached:
                if request.headers.get(_RETRY, "0") == "0":
                    raise
                raise Unanswered("the spending limit pays for no further attempt") from None
            before = request.headers.copy()
            credential.put_into(request.headers, _SENT)
            try:
                with anyio.fail_after(timeout):
                    return await self._whole(request, options)
            except TimeoutError:
                raise Unanswered(f"no whole answer within {timeout:g} seconds") from None
            finally:
                request.headers = before  # the openai client's own notes are among them

        async def _whole(self, request: Any, options: dict[str, Any]) -> Any:
            response = await super().send(request, **{**options, "stream": True})
            try:
                body = await _body(response)
            finally:
                await response.aclose()
            if response.status_code in (429, 503):
                gate.close_for(_retry_after(response.headers.get("retry-after")))
            heeded = [name for name in _HEEDED if name in response.headers]
            headers = {name: response.headers[name] for name in heeded}
            if patient and response.status_code not in _PASSING:
                headers["x-should-retry"] = "false"
            return type(response)(
                status_code=response.status_code,
                headers=headers,
                content=body,
                request=request,
            )

    with named_cause():
        # A redirect would carry keys to a machine that nobody named.
        return Guarded(
            timeout=2 * timeout,
            follow_redirects=False,
            trust_env=not credential.plain,
            mounts=credential.unproxied(),
        )


COST = "x-ifrs-cost"  # taken off again before the request leaves
_RETRY = "x-stainless-retry-count"  # written by the openai client


async def _body(response: Any) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        # It was asked for plainly; a compressed answer may unpack to any size.
        raise Unanswered("the answer was compressed although it was asked for as it is")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if response.status_code >= 400 and len(body) > _LARGEST_ERROR:
            return bytes(body[:_LARGEST_ERROR])
        if len(body) > _LARGEST_BODY:
            raise Unanswered(f"the answer is larger than {_LARGEST_BODY >> 20} MiB")
    return bytes(body)


def _retry_after(value: str | None) -> float:
    try:
        return max(0.0, float(value or 0))
    except ValueError:
        return 0.0  # a date: the openai client waits for this request alone


_QUIET: contextvars.ContextVar[bool] = contextvars.ContextVar("ifrs_quiet_wire", default=False)
_NOWHERE = -1  # below the level of every handler


class _Factory:
    """Makes log records, those of the wire's own debugging without content and for nobody.

    Every record passes here, of whichever logger: a filter would have to know them all, and those
    of a parent do not see its children's records.
    """

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self.make = make

    def __call__(
        self, name: str, level: int, path: str, line: int, message: object, args: Any, *rest: Any,
        **more: Any,
    ) -> logging.LogRecord:  # fmt: skip
        if not _QUIET.get() or level >= logging.WARNING:
            return self.make(name, level, path, line, message, args, *rest, **more)
        return self.make(name, _NOWHERE, path, line, "withheld", (), None)


_lock = threading.Lock()
_factories: list[_Factory] = []
_users = 0


@contextlib.contextmanager
def quiet_wire() -> Iterator[None]:
    """Keep what the client logs for its own debugging, keys among it, out of every log.

    It holds for what runs in this block, and for the tasks started there; what other threads log
    meanwhile is left alone.
    """
    global _users
    with _lock:
        _users += 1
        made = logging.getLogRecordFactory()
        if made not in _factories:  # the first, or somebody put their own in place of ours
            _factories.append(_Factory(made))
            logging.setLogRecordFactory(_factories[-1])
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)
        with _lock:
            _users -= 1
            if _users == 0:
                _restore()


def _restore() -> None:
    while _factories and logging.getLogRecordFactory() is _factories[-1]:
        logging.setLogRecordFactory(_factories.pop().make)
    _factories.clear()
