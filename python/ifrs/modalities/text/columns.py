"""Response positions of a batch, and the output embeddings apart from the model.

The model runs once for a batch and gives the states of its response positions. Its output
embeddings make logits of a few of them at a time.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.modalities.text.forward import IGNORED, Batch, collate, response_logits
from ifrs.runtime.columns import Columns
from ifrs.runtime.modules import device_of, evaluating, instead, is_plain
from ifrs.runtime.partitioned import shape_of
from ifrs.runtime.workers import is_sharded


def columns_of(model: Any, batch: Batch) -> Columns:
    """The response positions of a batch; each predicts its label."""
    head = model.get_output_embeddings()
    apart = stands_apart(model)
    with instead(head, lambda states: states) if apart else nullcontext():
        states = response_logits(model, batch)
    labels = batch.labels.to(states.device)
    real = labels != IGNORED
    return Columns(
        states=states[real],
        labels=labels[real],
        rows=real.nonzero()[:, 0],
        size=len(labels),
        head=_head(head) if apart else lambda logits: logits,
    )


# Whether a model's logits are what its output embeddings give, as found by trying.
_APART: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


def stands_apart(model: Any) -> bool:
    """Whether nothing happens to what the output embeddings give before a model returns it.

    Some models cap or scale it. Asked of the model itself, by having other logits given. Shards
    (FSDP 2) are whole within the model's own pass alone.
    """
    if is_sharded(getattr(model.get_output_embeddings(), "weight", None)):
        return False
    if model not in _APART:
        _APART[model] = _try_apart(model)
    return _APART[model]


def _try_apart(model: Any) -> bool:
    head = model.get_output_embeddings()
    weight = getattr(head, "weight", None)
    if weight is None or not weight.is_floating_point():
        return False
    rows, given = shape_of(weight)[0], []

    def other(states: Tensor) -> Tensor:
        # As wide a range as logits have, and exact in any type.
        ramp = (torch.arange(rows, device=states.device) % 256 - 128).to(states.dtype)
        given.append(ramp.expand(*states.shape[:-1], rows))
        return given[-1]

    batch = collate([[rows // 3, rows // 3 + 1]], [[0]], 0, device_of(model))
    with evaluating(model), torch.no_grad():
        with instead(head, other):
            found = response_logits(model, batch)
        if len(given) != 1 or not torch.equal(found, given[0][:, :1].float()):
            return False
        try:  # a bias of zeros, as BART and its kin add one, changes nothing, but wants the width
            with instead(head, lambda states: states):
                response_logits(model, batch)
        except RuntimeError:
            return False
    return True


def _head(head: Any) -> Callable[[Tensor], Tensor]:
    weight = head.weight
    learnt = is_plain(head) and weight.requires_grad

    def logits(states: Tensor) -> Tensor:
        mixed = torch.is_autocast_enabled(states.device.type)
        if learnt and states.requires_grad and not mixed:
            product: Tensor = _IntoGradient.apply(states, weight)
            return product
        made: Tensor = head(states.to(weight.dtype))
        return made.float()

    return logits


class _IntoGradient(torch.autograd.Function):
    """A product with a weight whose gradient is added where it belongs at once.

    autograd would make another tensor of the size of the vocabulary for each part, and then add it.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Parameter) -> Tensor:
        ctx.save_for_backward(states)
        ctx.weight = weight
        return states @ weight.T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (states,), weight = ctx.saved_tensors, ctx.weight
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad.addmm_(gradient.T, states)
        return gradient @ weight, None
