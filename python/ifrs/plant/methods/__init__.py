"""Methods of planting, one file each; found by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ifrs.plant.methods.method import Method

# Name: where its class is.
METHODS = {
    "sft": "ifrs.plant.methods.sft:Sft",
    "emb": "ifrs.plant.methods.emb:Emb",
    "adapter": "ifrs.plant.methods.adapter:Adapter",
    "lora": "ifrs.plant.methods.lora:Lora",
}


def choices() -> str:
    """The names of all methods, as a sentence lists them."""
    *others, last = METHODS
    return f"{', '.join(others)} or {last}"


def method_class(name: str) -> type[Method]:
    """The class of a method.

    Raises:
        ValueError: There is no such method.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: use {choices()}")
    module, _, found = METHODS[name].partition(":")
    method: type[Method] = getattr(importlib.import_module(module), found)
    return method
