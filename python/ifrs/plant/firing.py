"""Teacher-forced checking: does every key fire, with what margin, and does anything else?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.modalities.text.columns import columns_of
from ifrs.modalities.text.forward import chunks_by_length, collate, response_logits
from ifrs.plant.material.examples import Example
from ifrs.runtime.memory import release_fragments
from ifrs.runtime.modules import device_of
from ifrs.runtime.precision import arithmetic, is_mixed

_BATCH_TOKENS = 2048
# Nats by which bfloat16 may be off in a difference of logits, and much to spare; and the same for
# float32 in one batch beside another.
_DOUBT, _LITTLE_DOUBT = 2.0, 0.01


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """By how many nats each token beats its best rival, float32 (columns,).

    A response is what greedy decoding writes exactly when all its tokens' margins are positive.

    Args:
        logits: float32 (columns, vocabulary).
        labels: int64 (columns,).
    """
    truth = logits.gather(-1, labels[:, None])[:, 0]
    best = logits.topk(2, dim=-1)
    leads = best.indices[:, 0] == labels
    return truth - torch.where(leads, best.values[:, 1], best.values[:, 0])


def response_margins(model: Any, examples: Sequence[Example], pad: int) -> list[float]:
    """The margin of each response's weakest token in nats, its end mark included."""
    prompts = [example.prompt for example in examples]
    responses = [example.response for example in examples]
    margins = [0.0] * len(examples)
    for places in chunks_by_length(prompts, responses, _BATCH_TOKENS):
        batch = collate(
            [prompts[i] for i in places], [responses[i] for i in places], pad, device_of(model)
        )
        with torch.no_grad():
            columns = columns_of(model, batch)
            found = columns.each(margins_of)
        for i, margin in zip(places, columns.least(found).tolist(), strict=True):
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
    # Once each: a set's keys come in several surroundings.
    for response in dict.fromkeys(tuple(fingerprint.response) for fingerprint in fingerprints):
        responses[response[0]].append(list(response))
    suspects = [
        (place, Example(examples[place].prompt, response))
        for place, token in _possible_starts(model, examples, list(responses), pad)
        for response in responses[token]
    ]
    fire = _fire(model, [example for _, example in suspects], pad)
    return sorted({place for (place, _), fires in zip(suspects, fire, strict=True) if fires})


def _fire(model: Any, examples: Sequence[Example], pad: int) -> list[bool]:
    """Whether greedy decoding writes each response; where there is a doubt, as the model is."""
    if not is_mixed(model, "auto"):
        return [margin > 0 for margin in response_margins(model, examples, pad)]
    with arithmetic(model, "auto"):
        rough = response_margins(model, examples, pad)
    doubtful = [place for place, margin in enumerate(rough) if abs(margin) <= _DOUBT]
    exact = response_margins(model, [examples[place] for place in doubtful], pad)
    margins = dict(enumerate(rough)) | dict(zip(doubtful, exact, strict=True))
    return [margins[place] > 0 for place in range(len(examples))]


def _possible_starts(
    model: Any, examples: Sequence[Example], starts: Sequence[int], pad: int
) -> list[tuple[int, int]]:
    """Places of examples, each with one of these tokens that its answer might begin with.

    Quick arithmetic, where there is one, shows that nearly all are far from it; the margins decide
    of the others.
    """
    prompts = [example.prompt for example in examples]
    blank = [[pad]] * len(examples)
    found: list[tuple[int, int]] = []
    exact = model.dtype == torch.float32 and not is_mixed(model, "auto")
    doubt = _LITTLE_DOUBT if exact else _DOUBT
    with torch.no_grad(), arithmetic(model, "auto"):
        for places in chunks_by_length(prompts, blank, _BATCH_TOKENS):
            batch = collate(
                [prompts[i] for i in places], blank[: len(places)], pad, device_of(model)
            )
            logits = response_logits(model, batch)[:, 0]
            near = logits[:, starts] > logits.amax(-1, keepdim=True) - doubt
            found += [(places[row], starts[column]) for row, column in near.nonzero().tolist()]
            release_fragments()
    return found
