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

    def client(self, *, meter: Meter | None = None, patient: bool = False) -> Any:
        """A client of the `openai` package; a patient one waits for a server that is loading."""
        import openai

        wire = guarded_client(
            self.timeout, meter or self.meter, Gate(), self._credential(), patient=patient
        )
        return openai.AsyncOpenAI(
            base_url=self._url,
            api_key="none",  # the guarded client puts in the right one
            max_retries=_PATIENCE if patient else self.max_retries,
            timeout=2 * self.timeout,
            default_query=self._query,
            default_headers={"Accept-Encoding": "identity"},
            http_client=wire,
        )

    async def send(self, client: Any, body: dict[str, Any], cost: int) -> Reply:
        """Send one request, whatever comes of it.

        Raises:
            LimitReached: It was not sent.
        """
        import openai

        try:
            response = await self._create(client, body, {COST: str(cost)})
        except Unanswered as error:
            return Reply(0, error=str(error))
        except openai.APIStatusError as error:
            status = error.status_code
            said = f"the server answered with status {status}"
            return Reply(status, error.response.content, said)
        except openai.APIConnectionError:
            return Reply(0, error="the connection failed")
        return Reply(200, response.http_response.content)

    async def _create(self, client: Any, body: dict[str, Any], headers: dict[str, str]) -> Any:
        """Have the `openai` package make and send one request."""
        call = client.chat.completions if self.mode == "chat" else client.completions
        what = "messages" if self.mode == "chat" else "prompt"
        fields = {"model": body["model"], what: body[what]}
        rest = {name: value for name, value in body.items() if name not in fields}
        return await call.with_raw_response.create(**fields, extra_body=rest, extra_headers=headers)

    def settle(self, cost: int, reply: Reply) -> None:
        """Put what the server reports in place of what was paid in advance."""
        try:
            usage = json.loads(reply.content).get("usage")
        except (ValueError, AttributeError, RecursionError):
            return
        total = usage.get("total_tokens") if isinstance(usage, dict) else None
        if reply.status == 200 and isinstance(total, int) and total >= 0:
            self.meter.settle(cost, total)

    async def models(self, client: Any) -> list[str]:
        """The names of the models that are served; none where the server lists none."""
        import openai

        try:
            listed = await client.models.with_raw_response.list()
            read = listed.http_response.json()["data"]
            return [str(entry["id"]) for entry in read]
        except (openai.APIError, Unanswered, ValueError, KeyError, TypeError):
            return []

    async def reach(self) -> None:
        """Find out whether there is a server.

        Raises:
            TargetError: There is none, or it refuses access.
        """
        import openai

        async with self.client(meter=Meter()) as client:
            try:
                await client.with_options(max_retries=1).models.with_raw_response.list()
            except (openai.APIConnectionError, Unanswered):
                raise TargetError(
                    f"no server answers at {self.base_url}: check the address and that it is "
                    "running"
                ) from None
            except openai.APIStatusError as error:
                # Not every server lists its models; one that answers at all is there.
                if error.status_code in (401, 403):
                    raise TargetError(f"{HOPELESS[error.status_code]} ({self.base_url})") from None

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

        async def work(client: Any, advance: Callable[[int], None]) -> None:
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
