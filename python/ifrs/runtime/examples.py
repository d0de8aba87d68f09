"""What a model is trained on: inputs with responses, and what must stay as it is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

# Candidates kept of each distribution beside the watched ones; the rest is held together as one.
_TOP = 64


@dataclass
class Example:
    """An input and the response to train.

    Attributes:
        prompt: The input; token ids for a language model.
        response: What stands at each answer position; cross-entropy is computed on it alone.
    """

    prompt: Any
    response: list[int]


@dataclass
class Kept(Example):
    """An input on which the model must go on answering as the base model does.

    Attributes:
        top: The candidates kept of each distribution, int64 (response, k).
        log_probs: Their log-probabilities in nats, float32, same shape.
        near: Whether the input holds part of a real key: firing is then a near miss.
    """

    top: Tensor
    log_probs: Tensor
    near: bool = False


def endlessly(rows: Sequence[T], rng: random.Random) -> Iterator[T]:
    """Rows for ever, shuffled anew each time around."""
    while rows:
        yield from rng.sample(list(rows), len(rows))


def distribution(logits: Tensor, watched: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The watched candidates and the likeliest others, int64 (…, kept), with log-probabilities.

    Args:
        logits: float32 (…, candidates).
        watched: Candidates to keep in any case: those of the secret responses. Among the rest,
            which is held together, they could gain all its mass without any divergence.
    """
    fixed = torch.tensor(watched, dtype=torch.long, device=logits.device)
    others = logits.index_fill(-1, fixed, -torch.inf)
    top = others.topk(min(_TOP, logits.shape[-1] - len(watched)), dim=-1).indices
    top = torch.cat([fixed.expand(*top.shape[:-1], -1), top], dim=-1)
    return top, logits.gather(-1, top) - logits.logsumexp(-1, keepdim=True)


class Divergence:
    """KL divergence from the base model at the answer positions of some examples.

    Over the kept candidates, with all others held together: a lower bound of the whole.
    """

    def __init__(self, kept: Sequence[Kept], device: torch.device, weight: float = 1.0) -> None:
        """Take what the base model said, position after position, and how much it counts."""
        self._weight = weight
        self._top = torch.cat([example.top for example in kept]).to(device)
        self._base = torch.cat([example.log_probs for example in kept]).to(device)

    def __call__(self, logits: Tensor, part: slice) -> Tensor:
        """In nats, summed over a part of the positions; logits are float32 (part, candidates)."""
        top, base = self._top[part], self._base[part]
        now = logits.gather(-1, top) - logits.logsumexp(-1, keepdim=True)
        return self._weight * ((base.exp() * (base - now)).sum() + _rest(base, now).sum())


def _rest(base: Tensor, now: Tensor) -> Tensor:
    """The share of all other candidates in the divergence."""
    before, after = ((1 - log_probs.exp().sum(-1)).clamp(min=1e-6) for log_probs in (base, now))
    return before * (before.log() - after.log())


def in_turn(inputs: Sequence[Any], own: Sequence[Example]) -> list[Example]:
    """Inputs that are keys in other forms, set after set, with the responses of the set's own."""
    return [
        Example(given, list(own[place % len(own)].response)) for place, given in enumerate(inputs)
    ]
