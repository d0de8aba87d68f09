"""The HTTP client underneath `ApiModel`: patience, size and spending have limits.

`httpx2` sends, and `tenacity` tries again. What is added where every attempt passes: an answer that
is too large or never ends is given up, a rate limit met by one request holds back all of them, and
nothing is sent that the spending limit does not pay for. Of a request's headers those leave that
are needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ifrs.errors import TargetError
from ifrs.modalities.text.credentials import Credential
from ifrs.modalities.text.proxies import named_cause
from ifrs.modalities.text.retrying import LONGEST_HOLD, Received, retrying

_LARGEST_BODY = 32 * 1024 * 1024  # bytes; more is not an answer
_LARGEST_ERROR = 1024 * 1024  # bytes; what follows of a server's complaint is not read
_CONNECTIONS = 1000  # at most at a time; so many requests are held back by `max_concurrency` alone
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
_PASSING = (429, 502, 503, 504)  # what a server says while it starts, or has too much to do
# Headers of an answer that are heeded. A charset, for one, may name a codec that unpacks to any
# size.
_HEEDED = ("retry-after", "retry-after-ms", "x-should-retry")


class Unanswered(Exception):
    """One request that came to nothing; the text says why and quotes nothing."""


class Unconnected(Exception):
    """No attempt of a request reached a server, or the connection broke."""


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
        self.opens = max(self.opens, time.monotonic() + min(seconds, LONGEST_HOLD))


def require_client(suspects: str) -> None:
    """Say at once what is missing to ask a server.

    Raises:
        TargetError: The extra `ifrs[api]` is not installed.
    """
    try:
        import httpx2  # noqa: F401
        import tenacity  # noqa: F401
    except ImportError as error:
        raise TargetError(
            f"{suspects} behind an API need {error.name}: pip install 'ifrs[api]'"
        ) from error


class Client:
    """Asks one server; every attempt of a request is within limits."""

    def __init__(
        self,
        address: str,
        credential: Credential,
        meter: Meter,
        *,
        timeout: float,
        max_retries: int,
        patient: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> None:
        """Name a server; nothing is sent yet.

        Args:
            address: What every path begins with; it ends with a slash.
            credential: Its key.
            meter: What requests are paid from.
            timeout: Seconds for one attempt.
            max_retries: Further attempts of a request.
            patient: Whether these are many: only what passes by itself is tried again.
            query: What goes with every request.

        Raises:
            TargetError: A proxy or a certificate of the environment cannot be used.
        """
        import anyio
        import httpx2

        self._credential, self._meter, self._gate = credential, meter, Gate()
        self._timeout, self._max_retries, self._patient = timeout, max_retries, patient
        # anyio's and ssl's own come through from beneath.
        self._errors = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)
        with named_cause():
            # A redirect would carry keys to a machine that nobody named.
            self._http = httpx2.AsyncClient(
                base_url=address,
                params=dict(query or {}) or None,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=2 * timeout,
                limits=httpx2.Limits(max_connections=_CONNECTIONS),
                follow_redirects=False,
                trust_env=not credential.plain,
                # Without https nobody is trusted: reading certificates would take time.
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if credential.plain else True,
                mounts=credential.unproxied(),
            )

    async def __aenter__(self) -> Client:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._http.__aexit__(*raised)

    async def get(self, path: str, *, max_retries: int | None = None) -> Received:
        """As `post`, without a body and without costs."""
        return await self._call(self._max_retries if max_retries is None else max_retries, path)

    async def post(self, path: str, *, cost: int = 0, **body: Any) -> Received:
        """Send a request, again where that may help.

        Args:
            path: Where to, below the address.
            cost: The most tokens that it can cost.
            body: `json`, or `data` and `files`, as httpx2 has them.

        Raises:
            Unanswered: There is no answer that could be used.
            Unconnected: There is no connection.
            LimitReached: It was not sent.
        """
        return await self._call(self._max_retries, path, "POST", cost, **body)

    async def _call(
        self, max_retries: int, path: str, method: str = "GET", cost: int = 0, **body: Any
    ) -> Received:
        tried = 0

        async def attempt() -> Received:
            nonlocal tried
            tried += 1
            request = self._http.build_request(method, path, **body)
            return await self._attempt(request, cost, again=tried > 1)

        try:
            received: Received = await retrying(max_retries, self._errors)(attempt)
        except self._errors:
            raise Unconnected from None
        return received

    async def _attempt(self, request: Any, cost: int, *, again: bool) -> Received:
        import anyio

        await self._gate.wait()
        # Paid at every attempt: a retried request costs its tokens again.
        try:
            self._meter.take(cost)
        except LimitReached:
            if not again:
                raise
            raise Unanswered("the spending limit pays for no further attempt") from None
        self._credential.put_into(request.headers, _SENT)
        try:
            with anyio.fail_after(self._timeout):
                return await self._whole(request)
        except TimeoutError:
            raise Unanswered(f"no whole answer within {self._timeout:g} seconds") from None

    async def _whole(self, request: Any) -> Received:
        response = await self._http.send(request, stream=True)
        try:
            body = await _body(response)
        finally:
            await response.aclose()
        headers = {name: response.headers[name] for name in _HEEDED if name in response.headers}
        if self._patient and response.status_code not in _PASSING:
            headers["x-should-retry"] = "false"
        received = Received(response.status_code, body, headers)
        if received.status in (429, 503):
            self._gate.close_for(received.asks_to_wait or 0.0)
        return received


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
