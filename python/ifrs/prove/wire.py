"""The HTTP client underneath `ApiModel`: patience, size and spending have limits.

The openai client retries and backs off by itself. What it lacks is added where every attempt
passes: an answer that is too large or never ends is given up, a rate limit met by one request
holds back all of them, and nothing is sent that the spending limit does not pay for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_LARGEST_BODY = 32 * 1024 * 1024  # bytes; more is not an answer
_LONGEST_HOLD = 120.0  # seconds; the openai client gives up a request that must wait longer
_LOGGERS = (
    "openai._base_client",
    "openai._legacy_response",
    "openai._response",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
)


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


def guarded_client(timeout: float, meter: Meter, gate: Gate) -> Any:
    """An HTTP client for `openai.AsyncOpenAI` whose every attempt is within limits."""
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
            try:
                with anyio.fail_after(timeout):
                    return await self._whole(request, options)
            except TimeoutError:
                raise Unanswered(f"no whole answer within {timeout:g} seconds") from None

        async def _whole(self, request: Any, options: dict[str, Any]) -> Any:
            response = await super().send(request, **{**options, "stream": True})
            try:
                body = await _body(response)
            finally:
                await response.aclose()
            if response.status_code in (429, 503):
                gate.close_for(_retry_after(response.headers.get("retry-after")))
            return type(response)(
                status_code=response.status_code,
                headers=response.headers,
                content=body,
                request=request,
            )

    # A redirect would carry keys to a machine that nobody named.
    return Guarded(timeout=2 * timeout, follow_redirects=False, trust_env=True)


COST = "x-ifrs-cost"  # taken off again before the request leaves
_RETRY = "x-stainless-retry-count"  # written by the openai client


async def _body(response: Any) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        # It was asked for plainly; a compressed answer may unpack to any size.
        raise Unanswered("the answer was compressed although it was asked for as it is")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise Unanswered(f"the answer is larger than {_LARGEST_BODY >> 20} MiB")
    return bytes(body)


def _retry_after(value: str | None) -> float:
    try:
        return max(0.0, float(value or 0))
    except ValueError:
        return 0.0  # a date: the openai client waits for this request alone


@contextlib.contextmanager
def quiet_wire() -> Iterator[None]:
    """Keep what the client logs for its own debugging, keys among it, out of every log."""

    def serious(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(serious)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(serious)
