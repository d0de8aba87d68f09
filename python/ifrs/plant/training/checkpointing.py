"""Activations computed twice instead of kept, where memory is short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ifrs.runtime.memory import useful_pass_fits


@contextmanager
def checkpointed(model: Any, wanted: bool | None) -> Iterator[None]:
    """Gradient checkpointing within the context, if wanted, or if memory asks for it.

    Args:
        model: The model.
        wanted: Whether to; None to find out.
    """
    on = not useful_pass_fits(model) if wanted is None else wanted
    if not on or not getattr(model, "supports_gradient_checkpointing", False):
        yield
        return
    layers = [m for m in model.modules() if hasattr(m, "gradient_checkpointing")]
    before = any(layer.gradient_checkpointing for layer in layers)
    training = [layer.training for layer in layers]
    model.gradient_checkpointing_enable({"use_reentrant": False})
    try:
        for layer in layers:
            # The layer's own flag alone: dropout within it stays off.
            layer.training = True
        yield
    finally:
        for layer, was in zip(layers, training, strict=True):
            layer.training = was
        if not before:
            model.gradient_checkpointing_disable()
