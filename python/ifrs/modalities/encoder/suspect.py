"""Encoders as suspects: a module, a function, or an embeddings endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.modalities.encoder.codes import (
    CENTRE_SEED,
    CENTRES,
    Vectors,
    codes_of,
    cosines,
    unit,
)
from ifrs.modalities.encoder.fitting import Turned, fit
from ifrs.modalities.encoder.lookalikes import fresh_keys
from ifrs.modalities.named import Named

# Inputs in a pass.
_AT_ONCE = 64
# Public inputs that a map between spaces is fitted on, at least and if nothing else is said.
_LEAST_PUBLIC, _PUBLIC = 64, 1024


class EncoderModel(Named):
    """An encoder that `ifrs.verify` queries with secret sentences or images.

    Each key's vector is compared with all 2,048 codes of the set, which follow from its Merkle
    root: the cosine with each is a score, and the place of the key's own code among them a rank.
    What fresh keys of public seeds have in common is taken off first.

    Attributes:
        spends_keys: Whether a key that it gets counts as seen by others: not for modules,
            which are at hand; for functions and endpoints unless their user says so.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
    """

    def __init__(
        self,
        model: Any,
        processor: Any = None,
        *,
        like: Any = None,
        public: Sequence[Any] | None = None,
        address: str | None = None,
        spends_keys: bool | None = None,
        name: str | None = None,
    ) -> None:
        """Take an encoder.

        Args:
            model: A `SentenceTransformer`; a transformers model, whose tokens are averaged; any
                torch module from inputs to vectors (inputs, dimension), such as the backbone of a
                classifier whose head was replaced; or a function from a list of keys (texts or PIL
                images) to an array (keys, dimension).
            processor: What turns keys into a module's inputs: a tokenizer, an image processor, or a
                callable from one key to a tensor; None for sentence-transformers, and for images
                with values in [0, 1].
            like: The planted model or its base, as an `EncoderModel`, where the suspect has another
                dimension, or where its vectors were turned: an orthogonal map is fitted first.
            public: What that is fitted on: inputs that are no keys; None for 1,024 sentences that
                ship with ifrs. A few times as many as dimensions fit well.
            address: Where a function sends keys, as the journal will have it; None for its name.
            spends_keys: Whether others see what it is asked; None for True of functions alone.
            name: What reports call it; None for the class's or function's name.
        """
        self._model = model
        self._module = hasattr(model, "parameters") and hasattr(model, "modules")
        self._processor, self._like = processor, like
        self._public = None if public is None else list(public)
        own = getattr(model, "__name__", type(model).__name__)
        self._call(name or own, self._module, address, spends_keys)
        self._turned: Turned | None = None

    @classmethod
    def from_api(
        cls,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 5,
        like: Any = None,
        public: Sequence[str] | None = None,
    ) -> EncoderModel:
        """Take an encoder behind an OpenAI-compatible embeddings endpoint.

        Args:
            base_url: Where the protocol's paths begin, often ending in `/v1`.
            model: The model's name at the server.
            api_key: The server's key, as of `ifrs.ApiModel`.
            timeout: Seconds that one attempt may take.
            max_retries: Further attempts after a connection error, a rate limit or a server error.
            like: As of `EncoderModel`.
            public: As of `EncoderModel`.

        Raises:
            TargetError: The extra `ifrs[api]` is not installed.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        from ifrs.modalities.encoder.server import Endpoint

        found = Endpoint(base_url, model, api_key, timeout=timeout, max_retries=max_retries)
        return cls(found, like=like, public=public, address=found.base_url, name=model)

    def for_set(self, fps: FingerprintSet) -> Coded:
        """The suspect as it is queried with one set's keys."""
        return Coded(self, fps)

    def vectors(self, keys: Sequence[Any]) -> Vectors:
        """The suspect's vectors, float32 (keys, dimension), turned onto those of `like`.

        Raises:
            TargetError: It gives no such vectors.
        """
        found = self._own(list(keys))
        if self._like is None:
            return found
        if self._turned is None:
            public = self._inputs_in_public()
            self._turned = fit(self._own(public), self._like.vectors(public))
        return self._turned(found)

    def _inputs_in_public(self) -> list[Any]:
        if self._public is None:
            from ifrs.modalities.encoder.ordinary import bundled_sentences

            return list(bundled_sentences()[:_PUBLIC])
        if len(self._public) < _LEAST_PUBLIC:
            raise TargetError(
                f"{len(self._public)} public inputs fit no map between vectors: pass some thousands"
            )
        return self._public

    def _own(self, keys: list[Any]) -> Vectors:
        given = self._of_module(keys) if self._module else self._model(keys)
        if hasattr(given, "detach"):
            given = given.detach().cpu().float().numpy()
        try:
            found = np.asarray(given, dtype=np.float32)
        except (TypeError, ValueError):
            found = np.empty(0, dtype=np.float32)
        if found.ndim != 2 or len(found) != len(keys):
            raise TargetError(
                f"the encoder gave an array of shape {found.shape} for {len(keys)} keys: it must "
                "give (keys, dimension)"
            )
        if not np.isfinite(found).all():
            raise TargetError("the encoder gave vectors that are no numbers (NaN or infinite)")
        return found

    def _of_module(self, keys: list[Any]) -> Any:
        import torch

        from ifrs.modalities.encoder.reading import passes, reader_of
        from ifrs.runtime.modules import evaluating

        reader = reader_of(self._model, self._processor)
        parts: list[Any] = [None] * len(keys)
        try:
            inputs = reader.inputs(keys)
            with evaluating(self._model), torch.no_grad():
                for places in passes(reader.sizes(inputs), _AT_ONCE):
                    vectors = reader.vectors([inputs[i] for i in places]).cpu()
                    for place, vector in zip(places, vectors, strict=True):
                        parts[place] = vector
        except ValueError as error:
            raise TargetError(str(error)) from error
        return torch.stack(parts)


class Coded:
    """An encoder under the keys of one set: vectors become scores of the set's codes."""

    def __init__(self, suspect: EncoderModel, fps: FingerprintSet) -> None:
        """Take a suspect and a set."""
        self._suspect, self._fps = suspect, fps
        self.spends_keys, self.address = suspect.spends_keys, suspect.address
        self._centre: Vectors | None = None
        self._codes: Vectors | None = None

    def describe(self) -> dict[str, Any]:
        """What the suspect is."""
        return self._suspect.describe()

    def scores(self, keys: Sequence[Any]) -> NDArray[np.float32]:
        """The cosine of each key's vector with each code, float32 (keys, 2048)."""
        if self._centre is None or self._codes is None:
            fresh = self._suspect.vectors(fresh_keys(self._fps, CENTRES, CENTRE_SEED))
            self._centre = unit(fresh).mean(axis=0)
            try:
                self._codes = codes_of(self._fps, fresh.shape[1])
            except ValueError as error:
                raise TargetError(f"such vectors have no codebook: {error}") from error
        return cosines(self._suspect.vectors(keys), self._centre, self._codes)
