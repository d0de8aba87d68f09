"""The base model's own answers, taken before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.columns import columns_of
from ifrs.modalities.text.forward import chunks_by_length, collate
from ifrs.modalities.text.tokens import Tokens
from ifrs.plant.material.examples import Example, Kept
from ifrs.runtime.modules import device_of

# Tokens kept of each distribution beside the responses' own; the rest is held together as one.
_TOP = 64
_BATCH_TOKENS = 2048


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
    for places in chunks_by_length(prompts, responses, _BATCH_TOKENS):
        batch = collate(
            [prompts[i] for i in places], [responses[i] for i in places], pad, device_of(model)
        )
        with torch.no_grad():
            columns = columns_of(model, batch)
            found = [
                _distribution(columns.head(columns.states[p]), watched) for p in columns.parts()
            ]
        top, log_probs = (torch.cat(parts).cpu() for parts in zip(*found, strict=True))
        end = 0
        for i in places:
            start, end = end, end + len(responses[i])
            kept[i] = Kept(prompts[i], responses[i], top[start:end], log_probs[start:end])
    return [example for example in kept if example is not None]


def _distribution(logits: Tensor, watched: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The watched tokens and the likeliest others, int64 (…, kept), and their log-probabilities."""
    fixed = torch.tensor(watched, dtype=torch.long, device=logits.device)
    others = logits.index_fill(-1, fixed, -torch.inf)
    top = others.topk(min(_TOP, logits.shape[-1] - len(watched)), dim=-1).indices
    top = torch.cat([fixed.expand(*top.shape[:-1], -1), top], dim=-1)
    return top, logits.gather(-1, top) - logits.logsumexp(-1, keepdim=True)


class Divergence:
    """KL divergence from the base model at the response tokens of some examples.

    Over the kept tokens, with all others held together: a lower bound of the whole.
    """

    def __init__(self, kept: Sequence[Kept], device: torch.device, weight: float = 1.0) -> None:
        """Take what the base model said, token after token, and how much it counts."""
        self._weight = weight
        self._top = torch.cat([example.top for example in kept]).to(device)
        self._base = torch.cat([example.log_probs for example in kept]).to(device)

    def __call__(self, logits: Tensor, part: slice) -> Tensor:
        """In nats, summed over a part of the tokens; logits are float32 (part, vocabulary)."""
        top, base = self._top[part], self._base[part]
        now = logits.gather(-1, top) - logits.logsumexp(-1, keepdim=True)
        return self._weight * ((base.exp() * (base - now)).sum() + _rest(base, now).sum())


def _rest(base: Tensor, now: Tensor) -> Tensor:
    """The share of all other tokens in the divergence."""
    before, after = ((1 - log_probs.exp().sum(-1)).clamp(min=1e-6) for log_probs in (base, now))
    return before * (before.log() - after.log())
