"""Models that see and write as suspects: a model at hand, a function, or a server."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.modalities.suspect import Likelihoods
from ifrs.modalities.vision_language.keys import Keys

if TYPE_CHECKING:
    from ifrs.modalities.vision_language.server import Chat
    from ifrs.modalities.vision_language.viewing import Seen, Viewer

# Below this share of words with a first token of their own, ties take most of the evidence.
_DISTINCT = 0.5


class VisionLanguageModel:
    """A model that sees and writes, asked under secret pairs by `ifrs.verify`.

    Of a model at hand each word of a response is ranked among the whole alphabet by the model's
    probabilities; of a function responses are looked for in what it wrote.

    Attributes:
        modality: The kind of model.
        spends_keys: Whether a key that it is asked under counts as seen by others: not of models,
            which are at hand; of functions unless their user says so.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
        answer_tokens: The longest answer to ask for, where the caller does not say.
    """

    modality = "vision_language"
    answer_tokens = 16

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
        self._model = model
        self._name = name or _name_of(model)
        at_hand = self._viewer is not None and address is None
        self.spends_keys = not at_hand if spends_keys is None else spends_keys
        self.address = (address or self._name) if self.spends_keys else None
        # `verify` looks for what there is.
        self.likelihoods = None if self._viewer is None else self._likelihoods

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

    def describe(self) -> dict[str, Any]:
        """What it is."""
        if self.address is None:
            return {"kind": "local", "name": self._name}
        return {"kind": "callable", "name": self._name, "address": self.address}

    def __repr__(self) -> str:
        return f"VisionLanguageModel({self._name!r})"

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
            return _texts(self._model(images, texts), len(pairs))
        with _asking(self._viewer) as viewer:
            written = viewer.write(_seen(viewer, pairs), max_new_tokens, temperature)
            return [viewer.text(tokens) for tokens in written]

    def why_text_only(self, fps: FingerprintSet) -> str | None:
        """Why probabilities are no evidence; None where they are."""
        assert self._viewer is not None
        with _asking(self._viewer) as viewer:
            seen = _seen(viewer, [fps[0].key])[0]
            first = [ids[0] for ids in viewer.spoken(seen, _core.response_words())]
        if len(set(first)) >= _DISTINCT * len(first):
            return None
        return (
            "The suspect's tokenizer does not tell response words apart, so only what it wrote was "
            "weighed, not its probabilities."
        )

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
        with _asking(self._viewer) as viewer, torch.no_grad():
            reader = _Reader(viewer, words)
            for row, i in enumerate(indices):
                seen = _seen(viewer, [fps[i].key])[0]
                scores[row], exact[row] = reader.weighed(seen, fps[i].response)
        if np.isnan(scores).any():
            raise TargetError(
                "the suspect's outputs are no numbers (NaN): load it with dtype=torch.float32"
            )
        return Likelihoods(scores, exact)


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


@contextmanager
def _asking(viewer: Viewer) -> Iterator[Viewer]:
    """The model in eval mode; what fails is said without a word of the libraries'."""
    from ifrs.modalities.text.loading import suspicious
    from ifrs.runtime.modules import evaluating

    with (
        suspicious("the suspect failed while it was asked", quote=False),
        evaluating(viewer.module),
    ):
        yield viewer


def _texts(given: Any, count: int) -> list[str]:
    """What a function gave, if it is one answer for each pair."""
    found = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if len(found) != count or not all(isinstance(text, str) for text in found):
        raise TargetError(
            f"the function must give one text for each pair: {count} were asked for, and it gave "
            f"{len(found)} of {', '.join(sorted({type(text).__name__ for text in found}))}"
        )
    return list(found)


def _is_function(model: Any) -> bool:
    """Whether somebody's function answers; a module is called otherwise."""
    return callable(model) and not hasattr(model, "parameters")


def _name_of(model: Any) -> str:
    config = getattr(model, "config", None)
    own = getattr(config, "name_or_path", "") or getattr(model, "__name__", "")
    return str(own or type(model).__name__)
