"""Vectors from an OpenAI-compatible embeddings endpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ifrs.errors import TargetError
from ifrs.modalities.encoder.codes import Vectors
from ifrs.modalities.text.credentials import Credential, check_address
from ifrs.modalities.text.sending import HOPELESS, run
from ifrs.modalities.text.wire import (
    Client,
    Meter,
    Unanswered,
    Unconnected,
    quiet_wire,
    require_client,
)

# Texts in one request: servers take 32 at least.
_AT_ONCE = 32


class Endpoint:
    """A function from texts to vectors, by a server.

    Attributes:
        base_url: Its address without password or query.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None,
        *,
        timeout: float,
        max_retries: int,
    ) -> None:
        """Name a server and a model; nothing is sent yet.

        Raises:
            TargetError: The extra `ifrs[api]` is not installed.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        if not isinstance(base_url, str) or not isinstance(model, str):
            raise TypeError("base_url and model must be str")
        if not timeout > 0 or max_retries < 0:
            raise ValueError("timeout must be positive, and max_retries must not be negative")
        parts = urlsplit(base_url)
        check_address(parts)
        require_client("encoders")
        self._credential = Credential.of(parts, api_key)
        self._url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"
        host = parts.netloc.rpartition("@")[2]
        self.base_url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._model, self._timeout, self._max_retries = model, timeout, max_retries

    def __call__(self, keys: Sequence[Any]) -> Vectors:
        """Vectors of some texts, float32 (keys, dimension).

        Raises:
            TargetError: The server does not give them.
        """
        if not all(isinstance(key, str) for key in keys):
            raise TargetError("an embeddings endpoint takes texts, and these keys are none")
        return run(self._asked(list(keys)))

    async def _asked(self, texts: list[str]) -> Vectors:
        found: list[Any] = []
        with quiet_wire():
            async with Client(
                self._url,
                self._credential,
                Meter(),
                timeout=self._timeout,
                max_retries=self._max_retries,
            ) as client:
                for start in range(0, len(texts), _AT_ONCE):
                    found += await self._some(client, texts[start : start + _AT_ONCE])
        try:
            return np.asarray(found, dtype=np.float32)
        except (TypeError, ValueError):
            raise TargetError(f"{self.base_url} gave something else than vectors") from None

    async def _some(self, client: Client, texts: list[str]) -> list[Any]:
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        try:
            received = await client.post("embeddings", json=body)
        except (Unanswered, Unconnected):
            raise TargetError(
                f"no server answers at {self.base_url}: check the address and that it is running"
            ) from None
        if not received.ok:
            said = HOPELESS.get(received.status, f"it answered with status {received.status}")
            raise TargetError(f"{said} ({self.base_url})")
        try:
            rows = sorted(json.loads(received.content)["data"], key=lambda row: int(row["index"]))
            found = [row["embedding"] for row in rows]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TargetError(f"{self.base_url} gave something else than vectors") from None
        if len(found) != len(texts):
            raise TargetError(f"{self.base_url} gave {len(found)} vectors for {len(texts)} texts")
        return found
