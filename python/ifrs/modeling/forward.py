"""Batches, and logits at response positions only.

Prompts are padded on the left and responses on the right, so that all responses of a batch start
in one column: logits are computed for those columns alone, never for batch x length x vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ifrs.modeling.tokens import Tokens

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
    """Logits that predict each response token, float32 (batch, response, vocabulary)."""
    accepted = accepted_arguments(model)
    keep = batch.labels.shape[1] + 1
    arguments: dict[str, Any] = {"input_ids": batch.ids, "attention_mask": batch.mask}
    if "position_ids" in accepted:
        arguments["position_ids"] = batch.positions
    if "use_cache" in accepted:
        arguments["use_cache"] = False
    if "logits_to_keep" in accepted:
        arguments["logits_to_keep"] = keep
    logits: Tensor = model(**arguments).logits[:, -keep:-1]
    return logits.float()


def accepted_arguments(model: Any) -> set[str]:
    """The names that a model's forward takes."""
    return set(inspect.signature(model.forward).parameters)


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


def device_of(model: Any) -> torch.device:
    """Where a model's embeddings are, and hence its inputs must be."""
    weight: Tensor = model.get_input_embeddings().weight
    return weight.device
