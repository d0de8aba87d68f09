"""A suspect whose weights are at hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError, TargetError
from ifrs.modalities.suspect import Likelihoods, LikelySuspect
from ifrs.modalities.suspicious import suspicious
from ifrs.modalities.text import choices
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.forward import IGNORED, chunks_by_length, collate, response_logits
from ifrs.modalities.text.joining import joined
from ifrs.modalities.text.loading import load, load_tokenizer, places
from ifrs.modalities.text.tokens import (
    Tokens,
    continuations,
    encode_prompts,
    pad_token,
    response_tokens,
)
from ifrs.modalities.text.weights import notes_of
from ifrs.progress import progress
from ifrs.runtime.modules import device_of, vocabulary_size
from ifrs.runtime.wrapped import within

_BATCH_TOKENS = 2048
# Below this share of words with a first token of their own, ties take most of the evidence.
_DISTINCT = 0.5
_FOREIGN = "The suspect has another tokenizer than the publisher's"
_TEXT_ONLY = "so only what it wrote was weighed, not its probabilities."


class LocalModel(LikelySuspect):
    """A causal language model of transformers as a suspect."""

    modality = "text"

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        adapter: Any = None,
        transformer: Any = None,
        reference: Any = None,
        name: str | None = None,
    ) -> None:
        """Take a loaded model and its tokenizer.

        Args:
            model: The suspect.
            tokenizer: Its tokenizer.
            adapter: The publisher's F-Adapter or the path of its file: the suspect's input rows
                are then asked within the publisher's transformer.
            transformer: With an adapter, the published model or its folder; None for where the
                adapter says it is.
            reference: The publisher's tokenizer or its folder. A suspect whose tokenizer encodes
                keys or response words otherwise is handled through text alone, and the report
                says so; without one, a tokenizer that cannot express the keys or not tell the
                words apart is.
            name: What to call the suspect.

        Raises:
            TargetError: The model does not generate text, or adapter, transformer and suspect do
                not belong together.
        """
        model = _looked_into(model)
        with suspicious("the suspect cannot be asked", quote=True):
            writes = hasattr(model, "generate") and model.get_output_embeddings() is not None
        if not writes:
            raise TargetError(f"{type(model).__name__} is no language model: it cannot generate")
        self.reference = _tokenizer(reference)
        self.name = name or str(model.config.name_or_path or type(model).__name__)
        self.notes = notes_of(model)
        self.adapted = adapter is not None
        if adapter is not None:
            model = joined(model, adapter, transformer)
        self.model, self.tokenizer = model, tokenizer
        model.eval()

    @classmethod
    def from_pretrained(
        cls,
        path_or_id: str | os.PathLike[str],
        *,
        adapter: Any = None,
        transformer: Any = None,
        reference: Any = None,
        trust_remote_code: bool = False,
        **options: Any,
    ) -> LocalModel:
        """Load a folder, a GGUF file or a model id with transformers.

        Args:
            path_or_id: Where.
            adapter: The publisher's F-Adapter or the path of its file.
            transformer: With an adapter, the published model or its folder.
            reference: The publisher's tokenizer or its folder.
            trust_remote_code: Run Python code that comes with the suspect; it may do whatever you
                may. Close the keyring before.
            options: `load_in_8bit=True` for 8-bit weights; the rest, such as `dtype` and
                `device_map`, goes to `from_pretrained` of transformers.

        Raises:
            TargetError: There is no language model there, or not all of its weights.
        """
        model, tokenizer = load(path_or_id, trust_remote_code=trust_remote_code, **options)
        return cls(
            model,
            tokenizer,
            adapter=adapter,
            transformer=transformer,
            reference=reference,
            name=Path(path_or_id).name,
        )

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "local",
            "name": self.name,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": str(device_of(self.model)),
            **({"adapter": True} if self.adapted else {}),
        }

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        with _asking():
            encoded = encode_prompts(self.tokenizer, prompts)
            self._require_rows(encoded)
            numbers = _Numbers()
            with progress("asking", len(prompts)) as (advance, _):
                tokens = generate(
                    self.model,
                    self.tokenizer,
                    encoded,
                    max_new_tokens=max_new_tokens,
                    temperature=temperature,
                    advance=advance,
                    on_logits=lambda _, logits: numbers.see(logits),
                )
            numbers.require()
            return [str(self.tokenizer.decode(ids, skip_special_tokens=True)) for ids in tokens]

    def why_text_only(self, fps: FingerprintSet) -> str | None:
        with _asking():
            return _why_text_only(self.tokenizer, self.reference, fps)

    def _require_rows(self, encoded: Sequence[Tokens]) -> None:
        # Vocabularies are padded and resized; what counts is that every token has a row.
        rows = vocabulary_size(self.model)
        largest = max((max(ids, default=0) for ids in encoded), default=0)
        if largest >= rows:
            raise TargetError(
                f"the tokenizer knows token {largest}, but the model has only {rows} rows: it is "
                "not this model's tokenizer"
            )

    def likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """One teacher-forced pass over the keys at `indices`.

        Raises:
            TargetError: The set's responses are not made of the alphabet's words, or the model
                fails.
        """
        if fps.response != "unique":
            raise TargetError("a shared response has no alphabet to rank it in")
        with _asking():
            if choices.is_natural(fps):
                return self._choices(fps, indices)
            return self._likelihoods(fps, indices)

    def _choices(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """All choices of each key's list, as its sentence goes on."""
        prompts = encode_prompts(self.tokenizer, [fps[i].prompt for i in indices])
        responses = response_tokens(self.tokenizer, fps, indices)
        self._require_rows([*prompts, *responses])
        numbers, found = _Numbers(), []
        with progress("reading", len(indices)) as (advance, _):
            for index in indices:
                question = fps[index].key
                self._require_rows(choices.choice_tokens(self.tokenizer, fps, question))
                found.append(
                    [choices.scores(self.model, self.tokenizer, fps, question, numbers.see)]
                )
                advance(1)
        numbers.require()
        exact = self._exact(prompts, responses)
        if self.adapted:
            found = [f if fires else [0 * f[0]] for f, fires in zip(found, exact, strict=True)]
        return Likelihoods(found, exact)

    def _exact(self, prompts: Sequence[Tokens], responses: Sequence[Tokens]) -> NDArray[np.bool_]:
        """Whether greedy decoding writes each response, bool (prompts,)."""
        exact = np.empty(len(prompts), dtype=np.bool_)
        pad = pad_token(self.tokenizer, vocabulary_size(self.model))
        for rows in chunks_by_length(prompts, responses, _BATCH_TOKENS):
            given = [prompts[r] for r in rows], [responses[r] for r in rows]
            batch = collate(*given, pad, device_of(self.model))
            with torch.no_grad():
                written = response_logits(self.model, batch).argmax(-1)
            right = (written == batch.labels) | (batch.labels == IGNORED)
            exact[rows] = right.all(dim=1).cpu().numpy()
        return exact

    def _likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        words = _core.response_words()
        prompts = encode_prompts(self.tokenizer, [fps[i].prompt for i in indices])
        responses = response_tokens(self.tokenizer, fps, indices)
        pairs = zip(indices, responses, strict=True)
        seconds = [self._second_word(fps, i, response) for i, response in pairs]
        scores = np.empty((len(indices), 2, len(words)), dtype=np.float32)
        exact = np.empty(len(indices), dtype=np.bool_)
        first_tokens = self._first_tokens(fps)
        self._require_rows([*prompts, *responses, *first_tokens])
        pad = pad_token(self.tokenizer, vocabulary_size(self.model))
        device, numbers = device_of(self.model), _Numbers()
        with progress("reading", len(indices)) as (advance, _):
            for rows in chunks_by_length(prompts, responses, _BATCH_TOKENS):
                batch = collate(
                    [prompts[r] for r in rows], [responses[r] for r in rows], pad, device
                )
                with torch.no_grad():
                    logits = response_logits(self.model, batch).log_softmax(-1)
                numbers.see(logits)
                right = (logits.argmax(-1) == batch.labels) | (batch.labels == IGNORED)
                exact[rows] = right.all(dim=1).cpu().numpy()
                for place, row in enumerate(rows):
                    for word, column in enumerate((0, seconds[row])):
                        found = logits[place, column, first_tokens[word]]
                        scores[row, word] = found.cpu().numpy()
                advance(len(rows))
        numbers.require()
        if self.adapted:
            # The adapter was trained on these very keys, and may raise a response's likelihood by
            # itself: what does not fire is no evidence, and counts as a tie of all words.
            scores[~exact] = 0.0
        return Likelihoods(scores, exact)

    def _second_word(self, fps: FingerprintSet, index: int, response: Tokens) -> int:
        """The place in a response's tokens at which its second word begins."""
        first = fps.lead + fps[index].response.split(" ")[0]
        length = len(continuations(self.tokenizer, fps[index].prompt, [first])[0])
        return min(length, len(response) - 1)

    def _first_tokens(self, fps: FingerprintSet) -> list[list[int]]:
        """The first token of every word of the alphabet, after the prompt and after a word."""
        words = _core.response_words()
        _, after = fps.around
        opening = continuations(self.tokenizer, after, [fps.lead + word for word in words])
        following = continuations(self.tokenizer, words[0], [" " + word for word in words])
        return [[ids[0] for ids in opening], [ids[0] for ids in following]]


def _looked_into(model: Any) -> Any:
    """A model within peft's wrapper, its adapters in force."""
    try:
        return within(model)
    except ImplantError as error:
        raise TargetError(f"the suspect cannot be asked: {error}") from error


def _asking() -> AbstractContextManager[None]:
    # What a library says of a prompt may quote it.
    return suspicious("the suspect failed while it was asked", quote=False)


class _Numbers:
    """Whether a model's outputs are numbers: what is none is no answer."""

    def __init__(self) -> None:
        self._seen: dict[torch.device, torch.Tensor] = {}

    def see(self, logits: torch.Tensor) -> None:
        # Kept where it is: looking at each would wait for the device each time.
        lost = logits.isnan().any()
        self._seen[lost.device] = lost | self._seen.get(lost.device, torch.zeros_like(lost))

    def require(self) -> None:
        if any(bool(lost) for lost in self._seen.values()):
            raise TargetError(
                "the suspect's outputs are no numbers (NaN): try another dtype (--dtype float32)"
            )


def _tokenizer(given: Any) -> Any:
    if not isinstance(given, (str, os.PathLike)):
        return given
    with suspicious(f"cannot load a tokenizer from {given}", quote=True):
        return load_tokenizer(**places(given))


def _why_text_only(tokenizer: Any, reference: Any, fps: FingerprintSet) -> str | None:
    """Why a suspect is handled through text alone; None where its probabilities can be read.

    Args:
        tokenizer: The suspect's.
        reference: The publisher's; None where it is not at hand. Then a tokenizer counts as
            another one if it cannot express the keys, or not tell the response words apart.
        fps: The fingerprints.
    """
    prompts = [fps[i].prompt for i in range(len(fps))]
    if choices.is_natural(fps):
        # Sentences are scored whole: any tokenizer that can express them will do.
        return _cannot_express(tokenizer, prompts)
    words = [fps.lead + word for word in _core.response_words()]
    _, after = fps.around
    first = _firsts(tokenizer, after, words)
    if reference is not None:
        same = first == _firsts(reference, after, words) and encode_prompts(
            tokenizer, prompts
        ) == encode_prompts(reference, prompts)
        return None if same else f"{_FOREIGN}, {_TEXT_ONLY}"
    if len(set(first)) < _DISTINCT * len(words):
        return f"{_FOREIGN} (it does not tell response words apart), {_TEXT_ONLY}"
    return _cannot_express(tokenizer, prompts)


def _cannot_express(tokenizer: Any, prompts: Sequence[str]) -> str | None:
    unknown = tokenizer.unk_token_id
    if unknown is not None and any(unknown in ids for ids in encode_prompts(tokenizer, prompts)):
        return f"{_FOREIGN} (it cannot express the keys), {_TEXT_ONLY}"
    return None


def _firsts(tokenizer: Any, before: str, words: Sequence[str]) -> list[int]:
    return [ids[0] for ids in continuations(tokenizer, before, words)]
