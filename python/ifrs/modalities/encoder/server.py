"""Vectors from an OpenAI-compatible embeddings endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ifrs.errors import TargetError
from ifrs.modalities.encoder.codes import Vectors
from ifrs.modalities.text.credentials import Credential, check_address
from ifrs.modalities.text.sending import HOPELESS, run
from ifrs.modalities.text.wire import Gate, Meter, Unanswered, guarded_client, quiet_wire

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
        try:
            import openai  # noqa: F401
        except ImportError as error:
            raise TargetError("encoders behind an API need openai: pip install 'ifrs[api]'") from (
                error
            )
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
        import openai

        wire = guarded_client(self._timeout, Meter(), Gate(), self._credential)
        client = openai.AsyncOpenAI(
            base_url=self._url,
            api_key="none",  # the guarded client puts in the right one
            max_retries=self._max_retries,
            timeout=2 * self._timeout,
            default_headers={"Accept-Encoding": "identity"},
            http_client=wire,
        )
        found: list[Any] = []
        with quiet_wire():
            async with client:
                for start in range(0, len(texts), _AT_ONCE):
                    found += await self._some(client, texts[start : start + _AT_ONCE])
        try:
            return np.asarray(found, dtype=np.float32)
        except (TypeError, ValueError):
            raise TargetError(f"{self.base_url} gave something else than vectors") from None

    async def _some(self, client: Any, texts: list[str]) -> list[Any]:
        import openai

        try:
            reply = await client.embeddings.create(
                model=self._model, input=texts, encoding_format="float"
            )
            rows = sorted(reply.data, key=lambda one: one.index)
            found = [one.embedding for one in rows]
        except openai.APIStatusError as error:
            status = error.status_code
            said = HOPELESS.get(status, f"the server answered with status {status}")
            raise TargetError(f"{said} ({self.base_url})") from None
        except (openai.APIConnectionError, Unanswered):
            raise TargetError(
                f"no server answers at {self.base_url}: check the address and that it is running"
            ) from None
        except (openai.APIError, ValueError, AttributeError, TypeError):
            raise TargetError(f"{self.base_url} gave something else than vectors") from None
        if len(found) != len(texts):
            raise TargetError(f"{self.base_url} gave {len(found)} vectors for {len(texts)} texts")
        return found
