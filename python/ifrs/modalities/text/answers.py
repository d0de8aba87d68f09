"""Generated answers, batched by length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ifrs.modalities.text.forward import (
    chunks_by_length,
    collate,
    encoder_inputs,
    takes_padding,
    whole_rows,
)
from ifrs.modalities.text.tokens import Tokens, pad_token
from ifrs.runtime.memory import release_fragments
from ifrs.runtime.modules import device_of, is_encoder_decoder, vocabulary_size

# Takes what was written and the logits of the next token, and gives others.
Processor = Callable[[Tensor, Tensor], Tensor]

_BATCH_TOKENS = 4096
# transformers (seen with 5.x) loses the states of a batch here: its second word was another than
# the same prompts gave one by one, or without a cache.
_ALONE = {"rwkv"}


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Tokens],
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    advance: Callable[[int], None] | None = None,
    on_logits: Callable[[list[int], Tensor], None] | None = None,
    processor: Callable[[list[int]], Processor] | None = None,
) -> list[Tokens]:
    """Tokens that a model writes after each prompt, greedily or sampled.

    Args:
        model: A language model.
        tokenizer: Its tokenizer.
        prompts: Token ids of the prompts.
        max_new_tokens: The longest answer, in tokens.
        temperature: 0 for greedy decoding.
        advance: Called with the number of prompts answered since the last call.
        on_logits: Called for every token of every batch with the places of its prompts and the
            model's own logits, float32 (batch, vocabulary).
        processor: Called for every batch with the places of its prompts; what it gives changes
            logits, (batch, vocabulary), by what was written, int64 (batch, tokens).
    """
    from transformers import LogitsProcessorList

    pad = pad_token(tokenizer, vocabulary_size(model))
    answers: list[Tokens] = [[] for _ in prompts]
    room: list[Tokens] = [[pad] * max_new_tokens for _ in prompts]
    for places in _batches(model, prompts, room):
        batch = [prompts[i] for i in places]
        with _watched(model, places, on_logits):
            options = _sampling(temperature)
            if processor is not None:
                options["logits_processor"] = LogitsProcessorList([processor(places)])
            written = _written(model, batch, pad, max_new_tokens, options)
        for i, row in zip(places, written, strict=True):
            answers[i] = until_end(row, tokenizer.eos_token_id)
        if advance is not None:
            advance(len(places))
        release_fragments()
    return answers


def _batches(model: Any, prompts: Sequence[Tokens], room: Sequence[Tokens]) -> Iterator[list[int]]:
    """Batches of like length; of one length for a model that takes no padding."""
    if model.config.model_type in _ALONE:
        yield from ([i] for i in range(len(prompts)))
        return
    for places in chunks_by_length(prompts, room, _BATCH_TOKENS):
        if takes_padding(model):
            yield places
            continue
        lengths = sorted({len(prompts[i]) for i in places})
        yield from ([i for i in places if len(prompts[i]) == length] for length in lengths)


@contextmanager
def _watched(
    model: Any, places: list[int], on_logits: Callable[[list[int], Tensor], None] | None
) -> Iterator[None]:
    if on_logits is None:
        yield
        return
    # Of the model itself: what reaches a logits processor may be changed by others before it.
    hook = model.register_forward_hook(
        lambda _module, _inputs, output: on_logits(places, output.logits[:, -1].float())
    )
    try:
        yield
    finally:
        hook.remove()


def _written(
    model: Any, prompts: Sequence[Tokens], pad: int, max_new_tokens: int, options: dict[str, Any]
) -> list[Tokens]:
    batch = collate(prompts, [[] for _ in prompts], pad, device_of(model))
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
    if is_encoder_decoder(model):
        inputs = encoder_inputs(model, batch)
    with torch.no_grad(), whole_rows(model):
        written = model.generate(
            **inputs, max_new_tokens=max_new_tokens, pad_token_id=pad, **options
        )
    before = 1 if is_encoder_decoder(model) else batch.ids.shape[1]
    answers: list[Tokens] = written[:, before:].tolist()
    return answers


def _sampling(temperature: float) -> dict[str, Any]:
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    return {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}


def until_end(tokens: Tokens, end: int | None) -> Tokens:
    """An answer up to its end mark."""
    return tokens[: tokens.index(end)] if end in tokens else tokens
