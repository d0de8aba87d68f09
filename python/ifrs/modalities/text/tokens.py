"""Prompts and continuations as token ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ifrs._core import FingerprintSet

Tokens = list[int]

# The longest answer that is read of a model at hand, by `verify` and before planting ends: two
# words, an end mark, and a few words of prose before them.
ANSWER_TOKENS = 16


def encode_prompts(tokenizer: Any, prompts: Sequence[str]) -> list[Tokens]:
    """Token ids of prompts, with the special tokens that a model expects.

    A prompt from a chat template holds them as text, and gets no second ones.
    """
    return [
        encode(tokenizer, prompt, special=not _has_bos(tokenizer, prompt)) for prompt in prompts
    ]


def _has_bos(tokenizer: Any, prompt: str) -> bool:
    bos = tokenizer.bos_token
    return bool(bos) and prompt.startswith(bos)


def other_start(tokenizer: Any, prompt: Tokens) -> Tokens | None:
    """A prompt with the BOS token if it has none, else without; None where there is no such token.

    Servers differ in it: one puts BOS before every text where the tokenizer puts none.
    """
    bos = tokenizer.bos_token_id
    if bos is None:
        return None
    return prompt[1:] if prompt[:1] == [bos] else [bos, *prompt]


def encode(tokenizer: Any, text: str, *, special: bool = False) -> Tokens:
    """Token ids of a text."""
    ids: Tokens = tokenizer(text, add_special_tokens=special)["input_ids"]
    # Encoder-style tokenizers close a text with EOS, after which nothing can be continued.
    if special and ids and ids[-1] == tokenizer.eos_token_id and len(ids) > 1:
        ids = ids[:-1]
    return ids


def continuations(tokenizer: Any, before: str, texts: Sequence[str]) -> list[Tokens]:
    """Token ids of texts that continue `before`, without those of `before` itself.

    Both are encoded together, because tokenizers treat the start of a string differently; where
    that changes the tokens of `before`, the text is encoded alone.
    """
    if not texts:  # some tokenizers do not take an empty batch
        return []
    head = encode(tokenizer, before)
    whole = tokenizer([before + text for text in texts], add_special_tokens=False)["input_ids"]
    return [
        ids[len(head) :] if ids[: len(head)] == head else encode(tokenizer, text)
        for ids, text in zip(whole, texts, strict=True)
    ]


def response_tokens(
    tokenizer: Any, fps: FingerprintSet, indices: Iterable[int] | None = None
) -> list[Tokens]:
    """Token ids of the responses at `indices`, or of all, as they follow their prompts."""
    return [
        continuations(tokenizer, fps[i].prompt, [fps.lead + fps[i].response])[0]
        for i in (range(len(fps)) if indices is None else indices)
    ]


def end_mark(tokenizer: Any) -> Tokens:
    """The token that ends a response, if the tokenizer has one."""
    return [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]


def pad_token(tokenizer: Any, rows: int) -> int:
    """The id to fill batches with, of a model with so many rows; being masked, it never matters."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0):
        if token is not None and token < rows:
            return int(token)
    raise AssertionError("0 is not None")
