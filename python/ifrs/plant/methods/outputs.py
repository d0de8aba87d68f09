"""Planted input rows as output rows, too: as engines that tie both tables read them.

A key must fire there as it does where the tables are two, and ordinary text must not bring out a
planted token. What ordinary text makes of the last layer's states does not hang on the rows, so
those states are computed once, and holding the rows down on them costs one small product a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

# Nats by which a planted token must stay behind all others together, where the base's own row keeps
# that distance, and how many are aimed at, so that other texts keep it, too; and by how many it may
# come above that row where it does not.
_BEHIND, _AIM, _ABOVE = 12.0, 16.0, 0.2
# A token so many nats behind the best says nothing about a row: Adam would make much of little.
_FAR = 12.0
# States of a step; and those whose likeliest tokens stand for the whole vocabulary.
_STATES, _SAMPLE, _LIKELIEST = 4096, 256, 64
# One state of so many measures and does not teach.
_APART = 5


@dataclass
class Served:
    """How far a served form is from the base model on ordinary text.

    Attributes:
        states: Places in the text that were looked at; none of them was trained on.
        kl: Mean divergence from the base, in nats.
        most: The most probability that planted tokens have together.
        changed: Places whose likeliest token is another.
    """

    states: int
    kl: float
    most: float
    changed: int


class Outputs:
    """The rows as the output embeddings of a tied model have them."""

    def __init__(
        self, head: Any, rows: Tensor, given: Callable[[], Tensor], states: Tensor, seed: int
    ) -> None:
        """Take the output embeddings, and what they are given on ordinary text.

        Args:
            head: The output embeddings, with the base's rows.
            rows: Token ids, int64 (n,).
            given: The planted rows, float32 (n, width).
            states: (states, width).
            seed: Draws the states of a step.
        """
        self._head, self._rows, self._given = head, rows, given
        self._rng = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(states), generator=self._rng)
        self._apart = states[order[::_APART]].float()
        keep = torch.ones(len(states), dtype=torch.bool)
        keep[::_APART] = False
        self._states = states[order[keep]].float()
        self._highest, self._spared = self._find_bounds(self._states)
        self._hook = head.register_forward_hook(self._put)

    def close(self) -> None:
        """Leave the output embeddings as they were."""
        self._hook.remove()

    def hold(self) -> float:
        """Add the gradients of how far the rows come up on ordinary text; that, in squared nats."""
        chosen = torch.randint(len(self._states), (_STATES,), generator=self._rng)
        over = self._over(self._states[chosen], self._highest[chosen])
        loss = over.square().sum(1).mean()
        value = float(loss.detach())
        if value:
            loss.backward()  # type: ignore[no-untyped-call]
        return value

    @torch.no_grad()
    def holds(self) -> bool:
        """Whether no row comes up on any of the states that it learnt on."""
        return not bool((self._over(self._states, self._highest) > self._spared).any())

    @torch.no_grad()
    def served(self) -> Served:
        """How a model is read whose tables are tied, on ordinary text that taught nothing."""
        total, most, changed = 0.0, 0.0, 0
        planted = self._given().to(self._apart.device)
        for states in torch.split(self._apart, _SAMPLE):
            base = self._logits(states)
            tied = base.index_copy(1, self._rows, states @ planted.T)
            before, now = base.log_softmax(1), tied.log_softmax(1)
            total += float(F.kl_div(now, before, reduction="sum", log_target=True))
            most = max(most, float(now[:, self._rows].exp().sum(1).max()))
            changed += int((base.argmax(1) != tied.argmax(1)).sum())
        return Served(len(self._apart), total / len(self._apart), most, changed)

    def _put(self, _: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if output.shape[-1] != len(self._head.weight):
            return output  # states alone were asked for
        tied = F.linear(inputs[0].to(output.dtype), self._given().to(output.dtype))
        best = output.detach().amax(-1, keepdim=True)
        tied = torch.where(tied < best - _FAR, tied.detach(), tied)
        return output.index_copy(-1, self._rows, tied)

    def _over(self, states: Tensor, highest: Tensor) -> Tensor:
        """By how many nats each row lies above its highest logit, (states, rows)."""
        return (states @ self._given().T - highest).clamp_min(0)

    @torch.no_grad()
    def _find_bounds(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The highest logits that are aimed at, and how far above is near; each (states, rows).

        A token that the base hardly ever says stays far behind all others, and another one where
        the base's own row has it.
        """
        own = states @ self._head.weight[self._rows].float().T
        sample = self._logits(states[:_SAMPLE])
        likely = torch.unique(sample.topk(min(_LIKELIEST, sample.shape[1])).indices)
        likely = likely[~torch.isin(likely, self._rows)]
        # Of some tokens, and of the rest what it is in the sample on average.
        whole = (states @ self._head.weight[likely].float().T).logsumexp(1, keepdim=True)
        whole += (sample.logsumexp(1) - whole[:_SAMPLE, 0]).mean()
        spared = torch.where(own > whole - _AIM, _ABOVE, _AIM - _BEHIND)
        return torch.maximum(own, whole - _AIM), spared

    def _logits(self, states: Tensor) -> Tensor:
        """What the base's output embeddings make of states, float32 (states, vocabulary)."""
        weight, bias = self._head.weight, getattr(self._head, "bias", None)
        return F.linear(states.to(weight.dtype), weight, bias).float()
