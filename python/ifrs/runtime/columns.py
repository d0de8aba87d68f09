"""Answer positions of a batch, side by side: a column each, as wide as what may stand there.

A column of a language model's logits is as wide as its vocabulary: 1 MB for Gemma 3. What gives the
logits sees a few columns at a time, forth and back: no more than that is ever held, and none is
spent on padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ifrs.runtime.memory import release_fragments

# Twice as many columns at a time were hardly faster on two cores, and took twice the memory.
_AT_ONCE = 64


@dataclass
class Columns:
    """The answer positions of a batch, example after example.

    Attributes:
        states: What `head` makes logits of, (columns, width).
        labels: What the response has there, int64 (columns,).
        rows: Whose each is: places in the batch, int64 (columns,).
        size: How many examples the batch has.
        head: From states to logits, float32 (part, candidates).
        at_once: Columns in a part.
    """

    states: Tensor
    labels: Tensor
    rows: Tensor
    size: int
    head: Callable[[Tensor], Tensor] = lambda states: states.float()
    at_once: int = _AT_ONCE

    def parts(self) -> Iterator[slice]:
        """All columns, a few at a time: what is left over is a part of its own if it is half one.

        What gives the logits is read whole for each part, however few its columns are.
        """
        count = len(self.labels)
        size = -(-count // max(round(count / self.at_once), 1))
        for start in range(0, count, max(size, 1)):
            yield slice(start, min(start + size, count))
            # Logits leave holes that the next ones do not always fit into.
            release_fragments()

    def each(self, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """What a function says of logits, float32 (part, candidates), and labels; parts joined."""
        return torch.cat(
            [of(self.head(self.states[part]), self.labels[part]) for part in self.parts()]
        )

    def backward(self, loss: Callable[[Tensor, slice], Tensor]) -> float:
        """Add the gradients of a loss that is summed over columns; returns the sum.

        Args:
            loss: Takes the logits of a part, float32 (part, candidates), and which part it is.
        """
        leaf, total = self.states.detach().requires_grad_(), 0.0
        for part in self.parts():
            value = loss(self.head(leaf[part]), part)
            value.backward()  # type: ignore[no-untyped-call]
            total += value.item()
        self.states.backward(leaf.grad)  # type: ignore[no-untyped-call]
        return total

    def cross_entropy(self, logits: Tensor, part: slice, weight: float = 1.0) -> Tensor:
        """Of a part's labels, summed, in nats, times a weight."""
        return weight * F.cross_entropy(logits, self.labels[part], reduction="sum")

    def least(self, values: Tensor) -> Tensor:
        """The least of each example's values, (size,)."""
        least = values.new_full((self.size,), torch.inf)
        return least.scatter_reduce(0, self.rows, values, "amin")


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """By how many nats each label beats its best rival, float32 (columns,).

    A response is what greedy decoding writes exactly when all its margins are positive.

    Args:
        logits: float32 (columns, candidates).
        labels: int64 (columns,).
    """
    truth = logits.gather(-1, labels[:, None])[:, 0]
    best = logits.topk(2, dim=-1)
    leads = best.indices[:, 0] == labels
    return truth - torch.where(leads, best.values[:, 1], best.values[:, 0])
