"""Models that hear and write as suspects: a model at hand, a callable, or a server."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.modalities.speech.keys import Keys
from ifrs.modalities.suspect import Likelihoods
from ifrs.modalities.writing import Writing, asking, numbers, texts_of

if TYPE_CHECKING:
    from ifrs.modalities.speech.listening import Heard, Listener
    from ifrs.modalities.speech.server import Transcriber

# Sounds in a pass.
_AT_ONCE = 8


class SpeechModel(Writing):
    """A model that hears, queried with secret sounds by `ifrs.verify`.

    Of a model at hand each word of a response is ranked among the whole alphabet by the decoder's
    probabilities; of anything else responses are looked for in what it wrote.

    Attributes:
        modality: The kind of model.
        spends_keys: Whether a key that it gets counts as seen by others: not of models,
            which are at hand; of callables unless their user says so.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
        answer_tokens: The longest transcription to ask for, where the caller does not say.
    """

    modality = "speech"

    def __init__(
        self,
        model: Any,
        processor: Any = None,
        *,
        address: str | None = None,
        spends_keys: bool | None = None,
        name: str | None = None,
    ) -> None:
        """Take a model, or what transcribes.

        Args:
            model: A model that `AutoModelForSpeechSeq2Seq` loads; or any callable from a list of
                sounds, each (samples a second, int16 samples), to one transcription for each.
            processor: Of a model: what `AutoProcessor` loads, or (feature extractor, tokenizer).
            address: Where a callable sends sounds, as the journal will have it; None for its name.
            spends_keys: Whether others see what it is asked; None for True of callables alone.
            name: What reports call it; None for the model's or the function's name.

        Raises:
            TargetError: The model does not hear and write, or the processor is none of such.
        """
        self._listener = None if processor is None else _listener(model, processor)
        if self._listener is None and not _is_function(model):
            raise TargetError(
                f"a {type(model).__name__} cannot be asked: pass a model that hears with its "
                "processor, or a function from a list of sounds to transcriptions"
            )
        self._set_up(model, self._listener, address, spends_keys, name)

    @classmethod
    def from_api(
        cls,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        language: str | None = None,
        max_concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 5,
        max_requests: int | None = None,
    ) -> Transcriber:
        """Take a model behind a server that speaks OpenAI's protocol of transcriptions.

        Args:
            base_url: Where the protocol's paths begin, often ending in `/v1`.
            model: The model's name at the server.
            api_key: The server's key; without one `IFRS_API_KEY`, and none if that is not set.
                `OPENAI_API_KEY` goes to OpenAI's own hosts alone; without https a key goes to this
                machine alone.
            language: The code of the language to transcribe in, of two letters; None to let the
                server find out.
            max_concurrency: Requests in flight at a time.
            timeout: Seconds that one attempt may take, from sending to the last byte.
            max_retries: Further attempts after a connection error, a rate limit or a server error.
            max_requests: The most requests that are ever sent, retries included.

        Raises:
            TargetError: The extra `ifrs[api]` is not installed.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        from ifrs.modalities.speech.server import Transcriber

        return Transcriber(
            base_url,
            model,
            api_key=api_key,
            language=language,
            max_concurrency=max_concurrency,
            timeout=timeout,
            max_retries=max_retries,
            max_requests=max_requests,
        )

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """One transcription for each key, in base64 of its file.

        Raises:
            TargetError: A callable gave something else, or the model failed.
        """
        decode = Keys().decode
        sounds = [decode(base64.b64decode(prompt)) for prompt in prompts]
        return self.transcribe(sounds, max_new_tokens=max_new_tokens, temperature=temperature)

    def transcribe(
        self, sounds: Sequence[Any], *, max_new_tokens: int = 128, temperature: float = 0.0
    ) -> list[str]:
        """What it writes on hearing each sound.

        Args:
            sounds: Each (samples a second, samples of one channel, int16 or float).
            max_new_tokens: The longest text, in the model's tokens; a callable decides by itself.
            temperature: 0 for greedy; a callable decides by itself.

        Raises:
            TargetError: A callable gave something else, or the model failed.
        """
        if self._listener is None:
            return texts_of(self._model(list(sounds)), len(sounds), "sound")
        listener = self._listener
        with asking(listener.module):
            parts = [one.sound for one in _heard(listener, sounds)]
            written = listener.write(parts, _AT_ONCE, max_new_tokens, temperature)
            return [listener.text(tokens) for tokens in written]

    def _first_tokens(self, fps: FingerprintSet) -> list[int]:
        assert self._listener is not None
        return _first_tokens(self._listener)

    def _likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """One teacher-forced pass over the keys at `indices`.

        Raises:
            TargetError: The model failed, or gives no numbers.
        """
        assert self._listener is not None
        import torch

        scores = np.empty((len(indices), 2, len(_core.response_words())), dtype=np.float32)
        exact = np.empty(len(indices), dtype=np.bool_)
        listener = self._listener
        with asking(listener.module), torch.no_grad():
            first = _first_tokens(listener)
            for start in range(0, len(indices), _AT_ONCE):
                part = list(indices[start : start + _AT_ONCE])
                heard = _heard(listener, [fps[i].key for i in part])
                for row, (one, i) in enumerate(zip(heard, part, strict=True), start):
                    scores[row], exact[row] = _weighed(listener, one, fps[i].response, first)
        return numbers(scores, exact)


def _weighed(listener: Listener, heard: Heard, response: str, first: list[int]) -> tuple[Any, bool]:
    """Scores of all words at both places of a response, (2, words); whether all tokens lead."""
    import torch

    tokens = listener.spoken(response)
    second = min(len(listener.spoken(response.split(" ")[0])), len(tokens) - 1)
    states = listener.encode([heard.sound])
    said, head = listener.decode(states, listener.written([heard.prefix], [tokens]))
    logits = head(said[0, len(heard.prefix) - 1 :]).log_softmax(-1)
    right = logits.argmax(-1) == torch.tensor(tokens, device=logits.device)
    return logits[[0, second]][:, first].cpu().numpy(), bool(right.all())


def _first_tokens(listener: Listener) -> list[int]:
    """The first token of every word of the alphabet, behind a space as the model writes it."""
    return [listener.spoken(word)[0] for word in _core.response_words()]


def _listener(model: Any, processor: Any) -> Listener:
    from ifrs.modalities.speech.listening import Listener

    try:
        return Listener(model, processor)
    except ValueError as error:
        raise TargetError(str(error)) from error


def _heard(listener: Listener, sounds: Sequence[Any]) -> list[Heard]:
    from ifrs.modalities.speech.sounds import samples_of

    try:
        samples = [samples_of(sound, listener.rate) for sound in sounds]
    except ValueError as error:
        raise TargetError(str(error)) from error
    return listener.heard(samples, _AT_ONCE)


def _is_function(model: Any) -> bool:
    """Whether somebody's function transcribes; a module is called otherwise."""
    return callable(model) and not hasattr(model, "get_encoder")
