"""One request to an OpenAI-compatible server, and what came back."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlunsplit

from ifrs.errors import TargetError
from ifrs.modalities.suspect import Answer, OnAnswer
from ifrs.modalities.text.credentials import API_KEY, Credential
from ifrs.modalities.text.retrying import Received
from ifrs.modalities.text.wire import (
    Client,
    LimitReached,
    Meter,
    Unanswered,
    Unconnected,
    quiet_wire,
)
from ifrs.progress import progress

Mode = Literal["chat", "completions"]
T = TypeVar("T")

PATHS = {"chat": "chat/completions", "completions": "completions"}
# Asking on is pointless: the next request would fare no better.
HOPELESS = {
    401: f"the server wants an API key: set {API_KEY}, or pass api_key=… (--api-key-env)",
    403: "the server refuses access with this API key",
    404: "the server knows no such path or model: check base_url and model",
    429: "the server's rate limit is exhausted: go on later",
}
# Further attempts of a probe: a server that loads its model says 503 for a minute.
_PATIENCE = 12


@dataclass(frozen=True)
class Reply:
    """What came back: a status and a body, or why there is neither."""

    status: int
    content: bytes = b""
    error: str | None = None

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Sender:
    """Sends requests of one protocol to one server, within limits.

    Attributes:
        paths: Where requests of each protocol go, below the server's address.
    """

    paths: ClassVar[dict[str, str]] = PATHS

    def __init__(
        self,
        address: SplitResult,
        mode: str,
        credential: Credential,
        meter: Meter,
        *,
        max_concurrency: int,
        timeout: float,
        max_retries: int,
    ) -> None:
        """Name a server; nothing is sent yet."""
        path = address.path.rstrip("/") + "/"
        self._url = urlunsplit((address.scheme, address.netloc, path, "", ""))
        self._query = dict(parse_qsl(address.query))
        self.base_url = _public(address)
        self.endpoint = f"{self.base_url}/{self.paths[mode]}"
        self.mode, self.meter = mode, meter
        self._credential: Callable[[], Credential] = lambda: credential
        self.max_concurrency, self.timeout, self.max_retries = max_concurrency, timeout, max_retries

    def client(self, *, meter: Meter | None = None, patient: bool = False) -> Client:
        """What sends; a patient one waits for a server that is loading."""
        return Client(
            self._url,
            self._credential(),
            meter or self.meter,
            timeout=self.timeout,
            max_retries=_PATIENCE if patient else self.max_retries,
            patient=patient,
            query=self._query,
        )

    async def send(self, client: Client, body: dict[str, Any], cost: int) -> Reply:
        """Send one request, whatever comes of it.

        Raises:
            LimitReached: It was not sent.
        """
        try:
            received = await self._create(client, body, cost)
        except Unanswered as error:
            return Reply(0, error=str(error))
        except Unconnected:
            return Reply(0, error="the connection failed")
        if received.ok:
            return Reply(200, received.content)
        said = f"the server answered with status {received.status}"
        return Reply(received.status, received.content, said)

    async def _create(self, client: Client, body: dict[str, Any], cost: int) -> Received:
        """Make and send one request."""
        return await client.post(self.paths[self.mode], json=body, cost=cost)

    def settle(self, cost: int, reply: Reply) -> None:
        """Put what the server reports in place of what was paid in advance."""
        try:
            usage = json.loads(reply.content).get("usage")
        except (ValueError, AttributeError, RecursionError):
            return
        total = usage.get("total_tokens") if isinstance(usage, dict) else None
        if reply.status == 200 and isinstance(total, int) and total >= 0:
            self.meter.settle(cost, total)

    async def models(self, client: Client) -> list[str]:
        """The names of the models that are served; none where the server lists none."""
        try:
            listed = await client.get("models")
            read = json.loads(listed.content)["data"] if listed.ok else []
            return [str(entry["id"]) for entry in read]
        except (Unanswered, Unconnected, ValueError, KeyError, TypeError, RecursionError):
            return []

    async def reach(self) -> None:
        """Find out whether there is a server.

        Raises:
            TargetError: There is none, or it refuses access.
        """
        async with self.client(meter=Meter()) as client:
            try:
                listed = await client.get("models", max_retries=1)
            except (Unanswered, Unconnected):
                raise TargetError(
                    f"no server answers at {self.base_url}: check the address and that it is "
                    "running"
                ) from None
        # Not every server lists its models; one that answers at all is there.
        if listed.status in (401, 403):
            raise TargetError(f"{HOPELESS[listed.status]} ({self.base_url})")

    async def gather(
        self,
        jobs: Sequence[Callable[[Any], Coroutine[Any, Any, Answer]]],
        on_answer: OnAnswer | None,
    ) -> list[Answer | None]:
        """Run jobs, each with a client, some at a time; None where nothing was sent any more."""
        import anyio

        answers: list[Answer | None] = [None] * len(jobs)
        queue = iter(range(len(jobs)))
        stopped: list[Exception] = []
        caller = contextvars.copy_context()  # whose logs are not ours to quiet

        async def work(client: Client, advance: Callable[[int], None]) -> None:
            for place in queue:  # shared: each place goes to one worker
                try:
                    answer = await jobs[place](client)
                    answers[place] = answer
                    if on_answer is not None:
                        caller.run(on_answer, place, answer)
                except Exception as reason:
                    stopped.append(reason)
                    return
                advance(1)
                if stopped:  # what was in flight was paid for; nothing more is sent
                    return

        with quiet_wire(), progress("asking", len(jobs)) as (advance, _):
            # An interrupted group waits for its tasks before the client closes under them.
            async with self.client() as client, anyio.create_task_group() as workers:
                for _ in range(min(self.max_concurrency, len(jobs))):
                    workers.start_soon(work, client, advance)
        for reason in stopped:
            if not isinstance(reason, LimitReached):
                raise reason
        return answers


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also from within a notebook's own loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    done: list[T] = []
    raised: list[BaseException] = []

    def work_through() -> None:
        try:
            done.append(asyncio.run(work))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work_through)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return done[0]


def _public(parts: SplitResult) -> str:
    """An address without password or query."""
    host = parts.hostname or ""
    address = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit((parts.scheme, address + port, parts.path.rstrip("/"), "", ""))
