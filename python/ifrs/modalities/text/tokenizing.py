"""Whether a suspect's tokenizer lets the words of responses be ranked by probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.text.tokens import continuations, encode_prompts

# Below this share of words with a first token of their own, ties take most of the evidence.
_DISTINCT = 0.5
_FOREIGN = "The suspect has another tokenizer than the publisher's"
_TEXT_ONLY = "so only what it wrote was weighed, not its probabilities."


def why_text_only(tokenizer: Any, reference: Any, fps: FingerprintSet) -> str | None:
    """Why a suspect is handled through text alone; None where its probabilities can be read.

    Args:
        tokenizer: The suspect's.
        reference: The publisher's; None where it is not at hand. Then a tokenizer counts as
            another one if it cannot express the keys, or not tell the response words apart.
        fps: The fingerprints.
    """
    words = [fps.lead + word for word in _core.response_words()]
    prompts = [fps[i].prompt for i in range(len(fps))]
    _, after = fps.around
    first = _firsts(tokenizer, after, words)
    if reference is not None:
        same = first == _firsts(reference, after, words) and encode_prompts(
            tokenizer, prompts
        ) == encode_prompts(reference, prompts)
        return None if same else f"{_FOREIGN}, {_TEXT_ONLY}"
    if len(set(first)) < _DISTINCT * len(words):
        return f"{_FOREIGN} (it does not tell response words apart), {_TEXT_ONLY}"
    unknown = tokenizer.unk_token_id
    if unknown is not None and any(unknown in ids for ids in encode_prompts(tokenizer, prompts)):
        return f"{_FOREIGN} (it cannot express the keys), {_TEXT_ONLY}"
    return None


def _firsts(tokenizer: Any, before: str, words: Sequence[str]) -> list[int]:
    return [ids[0] for ids in continuations(tokenizer, before, words)]
