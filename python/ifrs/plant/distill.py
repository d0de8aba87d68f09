"""The base model's own answers, taken before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.modeling.answers import generate
from ifrs.modeling.forward import (
    COLUMNS,
    IGNORED,
    chunks_by_length,
    collate,
    device_of,
    response_logits,
)
from ifrs.modeling.tokens import Tokens
from ifrs.plant.data import Example, Kept

# Tokens kept of each distribution beside the responses' own; the rest is held together as one.
_TOP = 64


def own_answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Tokens],
    max_new_tokens: int,
    watched: Sequence[int],
) -> list[Kept]:
    """Prompts with the model's greedy answers and its distribution at each of their tokens."""
    heard: list[list[tuple[Tensor, Tensor]]] = [[] for _ in prompts]

    def hear(places: list[int], logits: Tensor) -> None:
        top, log_probs = (rows.cpu() for rows in _distribution(logits, watched))
        for row, i in enumerate(places):
            heard[i].append((top[row], log_probs[row]))

    answers = closed_answers(model, tokenizer, prompts, max_new_tokens, hear)
    return [
        _kept(prompt, answer, rows[: len(answer)])
        for prompt, answer, rows in zip(prompts, answers, heard, strict=True)
        if answer
    ]


def closed_answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Tokens],
    max_new_tokens: int,
    hear: Callable[[list[int], Tensor], None] | None = None,
) -> list[Tokens]:
    """Greedy answers, with the end mark where the model ended one."""
    answers = generate(model, tokenizer, prompts, max_new_tokens=max_new_tokens, hear=hear)
    end = tokenizer.eos_token_id
    return [a if len(a) == max_new_tokens or end is None else [*a, end] for a in answers]


def _kept(prompt: Tokens, answer: Tokens, heard: Sequence[tuple[Tensor, Tensor]]) -> Kept:
    top, log_probs = (torch.stack(rows) for rows in zip(*heard, strict=True))
    return Kept(prompt, answer, top, log_probs)


def with_distributions(
    model: Any, examples: Sequence[Example], pad: int, watched: Sequence[int]
) -> list[Kept]:
    """The model's distribution at each response token of each example.

    Args:
        model: The base model.
        examples: Prompts and answers.
        pad: The id to fill batches with.
        watched: Tokens to keep in any case: those of the secret responses. Among the rest, which
            is held together, they could gain all its mass without any divergence.
    """
    kept: list[Kept | None] = [None] * len(examples)
    prompts = [example.prompt for example in examples]
    responses = [example.response for example in examples]
    width = max((len(response) for response in responses), default=1)
    tokens = max(1, COLUMNS // width) * max(map(len, prompts), default=1)
    for places in chunks_by_length(prompts, responses, tokens):
        batch = collate(
            [prompts[i] for i in places], [responses[i] for i in places], pad, device_of(model)
        )
        with torch.no_grad():
            logits = response_logits(model, batch)
            top, log_probs = _distribution(logits, watched)
        for row, i in enumerate(places):
            length = len(responses[i])
            kept[i] = Kept(
                prompts[i],
                responses[i],
                top[row, :length].cpu(),
                log_probs[row, :length].cpu(),
            )
    return [example for example in kept if example is not None]


def _distribution(logits: Tensor, watched: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The watched tokens and the likeliest others, int64 (…, kept), and their log-probabilities."""
    fixed = torch.tensor(watched, dtype=torch.long, device=logits.device)
    others = logits.index_fill(-1, fixed, -torch.inf)
    top = others.topk(min(_TOP, logits.shape[-1] - len(watched)), dim=-1).indices
    top = torch.cat([fixed.expand(*top.shape[:-1], -1), top], dim=-1)
    return top, logits.gather(-1, top) - logits.logsumexp(-1, keepdim=True)


def divergence(logits: Tensor, labels: Tensor, kept: Sequence[Kept]) -> Tensor:
    """KL divergence from the base model in nats, summed over response tokens.

    Over the kept tokens, with all others held together: a lower bound of the whole.

    Args:
        logits: float32 (batch, response, vocabulary).
        labels: int64 (batch, response).
        kept: The examples of the batch.
    """
    top = _stack([example.top for example in kept], logits)
    base = _stack([example.log_probs for example in kept], logits)
    now = logits.gather(-1, top) - logits.logsumexp(-1, keepdim=True)
    kl = (base.exp() * (base - now)).sum(-1) + _rest(base, now)
    real = labels != IGNORED
    return (kl * real).sum()


def _rest(base: Tensor, now: Tensor) -> Tensor:
    """The share of all other tokens in the divergence."""
    before, after = ((1 - log_probs.exp().sum(-1)).clamp(min=1e-6) for log_probs in (base, now))
    return before * (before.log() - after.log())


def _stack(rows: Sequence[Tensor], like: Tensor) -> Tensor:
    """Rows of unequal length as one tensor, filled with zeros that no label counts."""
    length = like.shape[1]
    filled = [torch.nn.functional.pad(row, (0, 0, 0, length - row.shape[0])) for row in rows]
    return torch.stack(filled).to(like.device)
