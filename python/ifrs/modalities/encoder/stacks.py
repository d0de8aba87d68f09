"""What of an encoder's weights lies where."""

from __future__ import annotations

import math
from typing import Any

from torch import nn
from torch.nn import Parameter


def below_upper_third(module: Any) -> list[Parameter]:
    """All weights below the upper third of the longest stack of like layers; none without any.

    Weights count as below that a module lists before: modules list their parts in the order of use.
    """
    stacks = [list(one) for one in module.modules() if _is_stack(one)]
    if not stacks:
        return []
    stack = max(stacks, key=len)
    first = next(stack[len(stack) - math.ceil(len(stack) / 3)].parameters())
    weights = list(module.parameters())
    return weights[: next(i for i, one in enumerate(weights) if one is first)]


def _is_stack(module: Any) -> bool:
    """Whether a module is a row of at least three layers of one class, with weights."""
    if not isinstance(module, (nn.ModuleList, nn.Sequential)) or len(module) < 3:
        return False
    alike = len({type(layer) for layer in module}) == 1
    return alike and all(next(layer.parameters(), None) is not None for layer in module)
