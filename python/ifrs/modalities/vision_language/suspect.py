"""Models that see and write as suspects: a model at hand, a function, or a server."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.modalities.suspect import Likelihoods
from ifrs.modalities.vision_language.keys import Keys
from ifrs.modalities.writing import Writing, asking, numbers, texts_of

if TYPE_CHECKING:
    from ifrs.modalities.vision_language.server import Chat
    from ifrs.modalities.vision_language.viewing import Seen, Viewer


class VisionLanguageModel(Writing):
    """A model that sees and writes, queried with secret pairs by `ifrs.verify`.

    Of a model at hand each word of a response is ranked among the whole alphabet by the model's
    probabilities; of a function responses are looked for in what it wrote.

    Attributes:
        modality: The kind of model.
        spends_keys: Whether a key that it gets counts as seen by others: not of models,
            which are at hand; of functions unless their user says so.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
        answer_tokens: The longest answer to ask for, where the caller does not say.
    """

    modality = "vision_language"

    def __init__(
        self,
        model: Any,
        processor: Any = None,
        *,
        address: str | None = None,
        spends_keys: bool | None = None,
        name: str | None = None,
    ) -> None:
        """Take a model, or what answers.

        Args:
            model: A model that `AutoModelForImageTextToText` loads, or any torch module with the
                same call; or any function from a list of PIL images and a list of texts to one
                answer for each.
            processor: Of a model: what `AutoProcessor` loads, or anything with a `tokenizer` and
                the same call.
            address: Where a function sends keys, as the journal will have it; None for its name.
            spends_keys: Whether others see what it is asked; None for True of functions alone.
            name: What reports call it; None for the model's or the function's name.

        Raises:
            TargetError: The model does not see and write, or the processor is none of such.
        """
        self._viewer = None if processor is None else _viewer(model, processor)
        if self._viewer is None and not _is_function(model):
            raise TargetError(
                f"a {type(model).__name__} cannot be asked: pass a model that sees with its "
                "processor, or a function from images and texts to answers"
            )
        self._set_up(model, self._viewer, address, spends_keys, name)

    @classmethod
    def from_api(
        cls, base_url: str, model: str, *, api_key: str | None = None, **options: Any
    ) -> Chat:
        """Take a model behind a server that speaks OpenAI's chat protocol and takes images.

        Args:
            base_url: Where the protocol's paths begin, often ending in `/v1`.
            model: The model's name at the server.
            api_key: The server's key; without one `IFRS_API_KEY`, and none if that is not set.
            options: What else `ifrs.ApiModel` takes, but `mode` and `max_tokens`: a key is sent as
                a PNG within the request and a text, and how many tokens an image takes, the server
                decides.

        Raises:
            TargetError: Pillow is not installed, or the extra `ifrs[api]`.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        from ifrs.modalities.vision_language.server import Chat

        return Chat(base_url, model, api_key=api_key, **options)

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """One answer for each key, in base64 of its bytes.

        Raises:
            TargetError: A function gave something else, or the model failed.
        """
        decode = Keys().decode
        pairs = [decode(base64.b64decode(prompt)) for prompt in prompts]
        return self.write(pairs, max_new_tokens=max_new_tokens, temperature=temperature)

    def write(
        self, pairs: Sequence[Any], *, max_new_tokens: int = 128, temperature: float = 0.0
    ) -> list[str]:
        """What it writes on being shown each pair.

        Args:
            pairs: Each (image, text); a model at hand may take None for the image.
            max_new_tokens: The longest answer, in the model's tokens; a function decides by itself.
            temperature: 0 for greedy; a function decides by itself.

        Raises:
            TargetError: A function gave something else, or the model failed.
        """
        if self._viewer is None:
            images, texts = [image for image, _ in pairs], [text for _, text in pairs]
            return texts_of(self._model(images, texts), len(pairs), "pair")
        viewer = self._viewer
        with asking(viewer.module):
            written = viewer.write(_seen(viewer, pairs), max_new_tokens, temperature)
            return [viewer.text(tokens) for tokens in written]

    def _first_tokens(self, fps: FingerprintSet) -> list[int]:
        assert self._viewer is not None
        with asking(self._viewer.module):
            seen = _seen(self._viewer, [fps[0].key])[0]
            return [ids[0] for ids in self._viewer.spoken(seen, _core.response_words())]

    def _likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """One teacher-forced pass over the keys at `indices`.

        Raises:
            TargetError: The model failed, or gives no numbers.
        """
        assert self._viewer is not None
        import torch

        words = _core.response_words()
        scores = np.empty((len(indices), 2, len(words)), dtype=np.float32)
        exact = np.empty(len(indices), dtype=np.bool_)
        viewer = self._viewer
        with asking(viewer.module), torch.no_grad():
            reader = _Reader(viewer, words)
            for row, i in enumerate(indices):
                seen = _seen(viewer, [fps[i].key])[0]
                scores[row], exact[row] = reader.weighed(seen, fps[i].response)
        return numbers(scores, exact)


class _Reader:
    """Reads the scores of all words at both places of a response."""

    def __init__(self, viewer: Viewer, words: Sequence[str]) -> None:
        from ifrs.modalities.text.tokens import continuations

        self._viewer, self._words = viewer, words
        following = continuations(viewer.tokenizer, words[0], [f" {word}" for word in words])
        self._second = [ids[0] for ids in following]
        self._first: dict[int, list[int]] = {}

    def weighed(self, seen: Seen, response: str) -> tuple[Any, bool]:
        """Scores of all words at both places, (2, words); whether all tokens lead."""
        import torch

        viewer, last = self._viewer, int(seen.given["input_ids"][0, -1])
        if last not in self._first:
            # Of one template all prompts end alike.
            opening = viewer.spoken(seen, self._words)
            self._first[last] = [ids[0] for ids in opening]
        tokens, word = viewer.spoken(seen, [response, response.split(" ")[0]])
        said, head = viewer.say([seen], [tokens])
        logits = head(said).log_softmax(-1)
        right = logits.argmax(-1) == torch.tensor(tokens, device=logits.device)
        first = logits[0, self._first[last]]
        second = logits[min(len(word), len(tokens) - 1), self._second]
        return torch.stack([first, second]).cpu().numpy(), bool(right.all())


def _viewer(model: Any, processor: Any) -> Viewer:
    from ifrs.modalities.vision_language.viewing import Viewer

    try:
        return Viewer(model, processor)
    except ValueError as error:
        raise TargetError(str(error)) from error


def _seen(viewer: Viewer, pairs: Sequence[Any]) -> list[Seen]:
    try:
        return viewer.see(pairs)
    except ValueError as error:
        raise TargetError(str(error)) from error


def _is_function(model: Any) -> bool:
    """Whether somebody's function answers; a module is called otherwise."""
    return callable(model) and not hasattr(model, "parameters")
