"""Models whose weights are held in fewer bits than they are computed in."""

from __future__ import annotations

from typing import Any


def is_quantized(model: Any) -> bool:
    """Whether transformers quantized a model on loading."""
    return (
        getattr(model, "hf_quantizer", None) is not None
        or getattr(model, "quantization_method", None) is not None
        or bool(getattr(model, "is_quantized", False))
    )
