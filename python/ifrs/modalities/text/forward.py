"""Batches, and logits at response positions only.

Prompts are padded on the left and responses on the right, so that all responses of a batch start
in one column: logits are computed for those columns alone, never for batch x length x vocabulary.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ifrs.modalities.text.tokens import Tokens
from ifrs.runtime.modules import (
    Reached,
    accepted_arguments,
    device_of,
    evaluating,
    is_encoder_decoder,
    stopped,
    vocabulary_size,
)

IGNORED = -100


@dataclass
class Batch:
    """A padded batch.

    Attributes:
        ids: Token ids, int64 (batch, prompt + response).
        mask: 1 where a token is real, int64, same shape.
        positions: Position ids that count real tokens only, same shape.
        labels: Response tokens, `IGNORED` where there is none, int64 (batch, response).
    """

    ids: Tensor
    mask: Tensor
    positions: Tensor
    labels: Tensor


def collate(
    prompts: Sequence[Tokens], responses: Sequence[Tokens], pad: int, device: torch.device
) -> Batch:
    """Pad prompts on the left and responses on the right."""
    width = max(map(len, prompts))
    length = max(map(len, responses))
    ids = torch.full((len(prompts), width + length), pad)
    mask = torch.zeros_like(ids)
    labels = torch.full((len(prompts), length), IGNORED)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        end = width + len(response)
        ids[row, width - len(prompt) : end] = torch.tensor(prompt + response)
        mask[row, width - len(prompt) : end] = 1
        labels[row, : len(response)] = torch.tensor(response, dtype=torch.long)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return Batch(*(tensor.to(device) for tensor in (ids, mask, positions, labels)))


def response_logits(model: Any, batch: Batch) -> Tensor:
    """Logits that predict each response token, float32 (batch, response, vocabulary).

    An encoder-decoder reads the prompt in its encoder. A model in which padding on the left
    changes what follows (one with a recurrent state, say) sees each length by itself.
    """
    if is_encoder_decoder(model):
        return _decoder_logits(model, batch)
    if _is_padded(batch) and not takes_padding(model):
        return _unpadded_logits(model, batch)
    return _causal_logits(model, batch)


def _causal_logits(model: Any, batch: Batch) -> Tensor:
    accepted = accepted_arguments(model)
    keep = batch.labels.shape[1] + 1
    arguments: dict[str, Any] = {"input_ids": batch.ids, "attention_mask": batch.mask}
    if "position_ids" in accepted:
        arguments["position_ids"] = batch.positions
    if "use_cache" in accepted:
        arguments["use_cache"] = False
    if "logits_to_keep" in accepted:
        arguments["logits_to_keep"] = keep
    with whole_rows(model):
        logits: Tensor = model(**arguments).logits[:, -keep:-1]
    return logits.float()


def final_states(model: Any, batch: Batch) -> Tensor:
    """What the output embeddings are given for each response token, (batch, response, width)."""
    got: list[Tensor] = []

    def take(_: Any, inputs: tuple[Tensor, ...]) -> None:
        got.append(inputs[0])
        raise Reached

    hook = model.get_output_embeddings().register_forward_pre_hook(take, prepend=True)
    stopped(lambda: response_logits(model, batch), [hook])
    size = batch.labels.shape[1]
    # A model without logits_to_keep gives all places; the last one predicts past the end.
    return got[0] if is_encoder_decoder(model) else got[0][:, -size - 1 : -1]


@contextmanager
def whole_rows(model: Any) -> Iterator[None]:
    """Hand the output embeddings states that lie together in memory.

    For a slice of them torch multiplies row by row of the batch, and reads the whole vocabulary
    for each: in bfloat16 on a CPU six times slower than all else.
    """
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(), *inputs[1:]))
    try:
        yield
    finally:
        hook.remove()


def _decoder_logits(model: Any, batch: Batch) -> Tensor:
    inputs = encoder_inputs(model, batch)
    start = torch.full_like(batch.labels[:, :1], decoder_start(model))
    written = torch.cat([start, batch.labels[:, :-1]], dim=1)
    # What follows a response's end is not counted: any id will do there.
    written = torch.where(written == IGNORED, start, written)
    logits: Tensor = model(**inputs, decoder_input_ids=written, use_cache=False).logits
    return logits.float()


def encoder_inputs(model: Any, batch: Batch) -> dict[str, Tensor]:
    """The prompts of a batch for an encoder, closed by the end mark that encoders expect."""
    width = batch.ids.shape[1] - batch.labels.shape[1]
    ids, mask = batch.ids[:, :width], batch.mask[:, :width]
    end = model.config.eos_token_id
    if isinstance(end, int):
        ids = torch.cat([ids, torch.full_like(ids[:, :1], end)], dim=1)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    return {"input_ids": ids, "attention_mask": mask}


def decoder_start(model: Any) -> int:
    """The id that a decoder's text begins with."""
    for token in (model.config.decoder_start_token_id, model.config.pad_token_id, 0):
        if token is not None:
            return int(token)
    raise AssertionError("0 is not None")


def _unpadded_logits(model: Any, batch: Batch) -> Tensor:
    """Rows of one prompt length at a time, without what pads them on the left."""
    starts = _pads_before(batch)
    found: Tensor | None = None
    for start in sorted(set(starts.tolist())):
        rows = (starts == start).nonzero().flatten()
        part = Batch(
            batch.ids[rows, start:],
            batch.mask[rows, start:],
            batch.positions[rows, start:],
            batch.labels[rows],
        )
        logits = _causal_logits(model, part)
        if found is None:
            found = logits.new_zeros(*batch.labels.shape, logits.shape[-1])
        found = found.index_copy(0, rows, logits)
    assert found is not None
    return found


def _pads_before(batch: Batch) -> Tensor:
    """How many ids pad each row on the left, int64 (batch,)."""
    return batch.mask.argmax(dim=1)


def _is_padded(batch: Batch) -> bool:
    return bool((batch.mask[:, 0] == 0).any())


# Whether a model's answers are the same behind padding on its left, as found by trying.
_TAKES_PADDING: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


def takes_padding(model: Any) -> bool:
    """Whether masked padding on the left leaves a model's logits as they are.

    Asked of the model itself, so that it is right for one that nobody has seen before.
    """
    if is_encoder_decoder(model):
        return True
    if model not in _TAKES_PADDING:
        _TAKES_PADDING[model] = _try_padding(model)
    return _TAKES_PADDING[model]


def _try_padding(model: Any) -> bool:
    # Short, behind much padding: a recurrent state forgets what was long ago.
    prompt = some_tokens(model, 2)
    device = device_of(model)
    with evaluating(model), torch.no_grad():
        alone = _causal_logits(model, collate([prompt], [[0]], 0, device))[0, 0]
        batch = collate([prompt, [*range(1, 9), *prompt]], [[0], [0]], 0, device)
        padded = _causal_logits(model, batch)[0, 0]
    tolerance = 1e-4 if model.dtype == torch.float32 else 5e-2
    return bool((alone - padded).norm() <= tolerance * (alone - alone.mean()).norm())


def some_tokens(model: Any, count: int) -> Tokens:
    """Token ids, always the same, to try a model on."""
    rows = vocabulary_size(model)
    return [(rows // 3 + 7 * i) % rows for i in range(count)]


def chunks_by_length(
    prompts: Sequence[Tokens], responses: Sequence[Tokens], tokens: int
) -> Iterator[list[int]]:
    """Places of examples in batches of like length, each of about `tokens` tokens."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]) + len(responses[i]))
    batch: list[int] = []
    for i in order:
        length = len(prompts[i]) + len(responses[i])
        if batch and (len(batch) + 1) * length > tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
