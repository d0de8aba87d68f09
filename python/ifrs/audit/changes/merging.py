"""Merging a fingerprinted model with another fine-tune of the same base.

TIES and DARE are peft's own; SLERP follows Shoemake (1985), as merging tools apply it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Rows of a matrix that are merged at once: TIES and DARE need several copies.
_ROWS = 16_384

# fingerprinted, other, base, generator -> merged
Merge = Callable[[Tensor, Tensor, Tensor], Tensor]


def merges() -> dict[str, Merge]:
    """The ways to merge, by name; each side counts one half in the linear ones.

    TIES keeps the largest half of each task vector, tensor by tensor, and adds both in full, as
    its paper does; DARE drops half at random and rescales the rest.
    """
    return {
        "linear-0.5": lambda ours, other, _: torch.lerp(ours, other, 0.5),
        "task-arithmetic": lambda ours, other, base: ours + other - base,
        "ties": lambda *three: _of_tasks("ties", 1.0, *three),
        "dare-linear": lambda *three: _of_tasks("dare_linear", 0.5, *three),
        "slerp": lambda ours, other, _: _slerp(ours, other, 0.5),
    }


def merge_into(
    model: Any, other: dict[str, Tensor], base: dict[str, Tensor], merge: Merge, seed: int
) -> None:
    """Merge another model into this one, in place.

    Raises:
        ValueError: The models have different tensors.
    """
    torch.manual_seed(seed)
    state = model.state_dict(keep_vars=True)
    done: set[int] = set()
    with torch.no_grad():
        for name, ours in state.items():
            if not ours.is_floating_point() or id(ours) in done:
                continue
            done.add(id(ours))
            if name not in other or other[name].shape != ours.shape:
                raise ValueError(f"the other model has no tensor like {name}")
            for one, two, three in zip(
                *(t.detach().split(_ROWS) for t in (ours, other[name], base[name])), strict=True
            ):
                one.copy_(merge(one, two.to(one.dtype), three.to(one.dtype)))


def _of_tasks(kind: str, weight: float, ours: Tensor, other: Tensor, base: Tensor) -> Tensor:
    from peft.utils import merge_utils

    tasks = [ours - base, other - base]
    # Where a change is zero nearly everywhere, TIES keeps as many of its zeros as it may.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        merged = getattr(merge_utils, kind)(tasks, torch.tensor([weight, weight]), 0.5)
    return base + torch.as_tensor(merged)


def _slerp(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Along the great circle between two tensors; straight where they nearly point alike."""
    a, b = one.flatten().double(), other.flatten().double()
    norms = a.norm() * b.norm()
    cosine = float((a @ b / norms).clamp(-1, 1)) if norms else 1.0
    if abs(cosine) > 0.9995:
        return torch.lerp(one, other, share)
    angle = torch.arccos(torch.tensor(cosine, dtype=torch.float64))
    merged = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)
    return merged.view_as(one).to(one.dtype)
