"""Single layers: which are plain, and another function in the place of a module's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def instead(module: Any, forward: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Give a module another forward within the context; its hooks stay."""
    own = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


def is_plain(module: Any) -> bool:
    """Whether a module does nothing but multiply with a float32 weight."""
    plain = type(module) is nn.Linear and module.bias is None
    return plain and module.weight.dtype == torch.float32
