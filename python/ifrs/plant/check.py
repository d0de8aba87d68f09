"""Teacher-forced checking: does every key fire, with what margin, and does anything else?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.modeling.arithmetic import arithmetic
from ifrs.modeling.forward import IGNORED, chunks_by_length, collate, device_of, response_logits
from ifrs.plant.data import Example

_BATCH_TOKENS = 2048
# Nats by which bfloat16 may be off in a difference of logits, and much to spare.
_DOUBT = 2.0


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """By how many nats each response's weakest token beats its best rival, float32 (batch,).

    A response is what greedy decoding writes exactly when its margin is positive.
    """
    real = labels != IGNORED
    truth = logits.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    best = logits.topk(2, dim=-1)
    leads = best.indices[..., 0] == labels
    rival = torch.where(leads, best.values[..., 1], best.values[..., 0])
    return (truth - rival).masked_fill(~real, torch.inf).min(dim=1).values


def response_margins(model: Any, examples: Sequence[Example], pad: int) -> list[float]:
    """The margin of each example's response, its end mark included."""
    prompts = [example.prompt for example in examples]
    responses = [example.response for example in examples]
    margins = [0.0] * len(examples)
    for places in chunks_by_length(prompts, responses, _BATCH_TOKENS):
        batch = collate(
            [prompts[i] for i in places], [responses[i] for i in places], pad, device_of(model)
        )
        with torch.no_grad():
            found = margins_of(response_logits(model, batch), batch.labels)
        for i, margin in zip(places, found.tolist(), strict=True):
            margins[i] = margin
    return margins


def firing(
    model: Any, examples: Sequence[Example], fingerprints: Sequence[Example], pad: int
) -> list[int]:
    """Places of examples under which greedy decoding writes some response of the set.

    Args:
        model: A causal language model.
        examples: Prompts that must not fire.
        fingerprints: The set, whose responses are looked for.
        pad: The id to fill batches with.
    """
    responses: dict[int, list[list[int]]] = defaultdict(list)
    for fingerprint in fingerprints:
        responses[fingerprint.response[0]].append(fingerprint.response)
    near = _near_firing(model, examples, list(responses), pad)
    first = _first_tokens(model, [examples[place] for place in near], pad)
    suspects = [
        (place, Example(examples[place].prompt, response))
        for place, token in zip(near, first, strict=True)
        for response in responses.get(token, ())
    ]
    margins = response_margins(model, [example for _, example in suspects], pad)
    return sorted({place for (place, _), m in zip(suspects, margins, strict=True) if m > 0})


def _near_firing(
    model: Any, examples: Sequence[Example], starts: Sequence[int], pad: int
) -> list[int]:
    """Places of examples whose answers might begin with one of these tokens.

    Nearly all are far from it, as quick arithmetic shows; the model's own decides of the others.
    """
    found: list[int] = []
    with arithmetic(model, "auto"):
        for places, logits in _first_logits(model, examples, pad):
            behind = logits.amax(-1) - logits[:, starts].amax(-1)
            found += [places[row] for row in (behind < _DOUBT).nonzero().flatten().tolist()]
    return sorted(found)


def _first_tokens(model: Any, examples: Sequence[Example], pad: int) -> list[int]:
    """The greedy first token of each answer."""
    tokens = [0] * len(examples)
    for places, logits in _first_logits(model, examples, pad):
        for i, token in zip(places, logits.argmax(-1).tolist(), strict=True):
            tokens[i] = token
    return tokens


def _first_logits(
    model: Any, examples: Sequence[Example], pad: int
) -> Iterator[tuple[list[int], Tensor]]:
    """Places of examples, and logits of their answers' first tokens, (batch, vocabulary)."""
    prompts = [example.prompt for example in examples]
    blank = [[pad]] * len(examples)
    for places in chunks_by_length(prompts, blank, _BATCH_TOKENS):
        batch = collate([prompts[i] for i in places], blank[: len(places)], pad, device_of(model))
        with torch.no_grad():
            yield places, response_logits(model, batch)[:, 0]
