"""A model that hears behind a server that speaks OpenAI's protocol of transcriptions."""

from __future__ import annotations

import base64
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.clock import now
from ifrs.errors import TargetError
from ifrs.modalities.suspect import Answer, OnAnswer, ServedSuspect, keep_raw
from ifrs.modalities.text.credentials import Credential, check_address
from ifrs.modalities.text.retrying import Received
from ifrs.modalities.text.sending import HOPELESS, Reply, Sender, run
from ifrs.modalities.text.wire import Client, Meter, quiet_wire, require_client

_MODE = "transcriptions"
# A code of a language: a word of a response would be longer.
_CODE = 2


class _AudioSender(Sender):
    """Sends sounds as files."""

    paths: ClassVar[dict[str, str]] = {_MODE: "audio/transcriptions"}

    async def _create(self, client: Client, body: dict[str, Any], cost: int) -> Received:
        fields = dict(body)
        file = ("sound.wav", base64.b64decode(fields.pop("file")), "audio/wav")
        path = self.paths[self.mode]
        return await client.post(path, data=fields, files={"file": file}, cost=cost)


class Transcriber(ServedSuspect):
    """A model behind a server; `ifrs.SpeechModel.from_api` makes one.

    Every key that is sent is spent. Connection errors, rate limits and server errors are retried
    with exponential backoff, or as `Retry-After` says. Answers that are too large, never end or are
    no JSON are failed queries: recorded, and evidence of nothing.

    Attributes:
        modality: The kind of model.
    """

    modality = "speech"

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        language: str | None = None,
        max_concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 5,
        max_requests: int | None = None,
    ) -> None:
        """Name a server and a model; nothing is sent yet."""
        require_client("suspects")
        parts = urlsplit(base_url)
        check_address(parts)
        _check(model, language)
        _at_least(1, max_concurrency=max_concurrency)
        _at_least(0, max_retries=max_retries, max_requests=max_requests)
        if not timeout > 0:
            raise ValueError(f"timeout must be positive, not {timeout}")
        self.model, self.max_concurrency = model, max_concurrency
        self._rest = {"response_format": "json", "temperature": 0.0}
        if language is not None:
            self._rest["language"] = language
        self._meter = Meter(max_requests)
        self._sender = _AudioSender(
            parts,
            _MODE,
            Credential.of(parts, api_key),
            self._meter,
            max_concurrency=max_concurrency,
            timeout=timeout,
            max_retries=max_retries,
        )
        self.address = self.base_url

    @property
    def base_url(self) -> str:
        """The server's address without password or query."""
        return self._sender.base_url

    @property
    def spent(self) -> dict[str, int]:
        """Requests sent so far, retries included."""
        return {"requests": self._meter.requests}

    def describe(self) -> dict[str, Any]:
        return {"kind": "api", "name": self.model, "base_url": self.base_url, "mode": _MODE}

    def wording(self, fps: FingerprintSet, index: int) -> str:
        """The key's file, in base64."""
        return fps[index].prompt

    def affordable(self, prompts: Sequence[str], *, max_new_tokens: int) -> int:
        return self._meter.affordable([0] * len(prompts))

    def ask(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer | None]:
        """One transcription for each key; how long, the server decides."""
        rest = {**self._rest, "temperature": temperature}

        def job(prompt: str) -> Callable[[Any], Coroutine[Any, Any, Answer]]:
            return lambda client: self._one(client, {"model": self.model, "file": prompt, **rest})

        return run(self._sender.gather([job(prompt) for prompt in prompts], on_answer))

    def reach(self) -> None:
        run(self._reach())

    async def _reach(self) -> None:
        with quiet_wire():
            await self._sender.reach()

    async def _one(self, client: Any, body: dict[str, Any]) -> Answer:
        """Ask once, whatever comes of it.

        Raises:
            TargetError: The next request would fare no better.
            LimitReached: It was not sent.
        """
        asked = {"time": now(), "endpoint": self._sender.endpoint, "request": body, "raw": ""}
        reply = await self._sender.send(client, body, 0)
        if reply.status:
            keep_raw(asked, reply.text)
        if reply.status in HOPELESS:
            # Nothing of what the server wrote: it may quote what it heard.
            said = f"{HOPELESS[reply.status]} ({self.base_url}, status {reply.status})"
            raise TargetError(said) from None
        return _read(asked, reply)

    def __reduce__(self) -> NoReturn:
        raise TypeError("it holds an API key: make one where it is needed")

    def __repr__(self) -> str:
        return f"Transcriber({self.base_url!r}, {self.model!r})"


def _read(asked: dict[str, Any], reply: Reply) -> Answer:
    error = reply.error
    if reply.status == 200:
        try:
            # By the function that a checker reads it with.
            text, _, _ = _core.read_answer(reply.text, _MODE)
            return Answer(text, asked)
        except ValueError as reason:
            error = str(reason)
    asked["error"] = error or ""
    return Answer("", asked, asked["error"])


def _check(model: str, language: str | None) -> None:
    if not isinstance(model, str) or not model:
        raise ValueError("model must be the model's name at the server")
    plain = language is None or (len(language) == _CODE and language.isascii())
    if not plain or (language is not None and not language.islower()):
        raise ValueError(f"language must be a code of two letters such as 'en', not {language!r}")


def _at_least(least: int, **given: int | None) -> None:
    for name, value in given.items():
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
