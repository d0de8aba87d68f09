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
    "domain": "ifrs.plant.methods.domain:Domain",
}


def choices() -> str:
    """The names of all methods, as a sentence lists them."""
    *others, last = METHODS
    return f"{', '.join(others)} or {last}"


def check_form(name: str, form: str, own: str | None) -> None:
    """Find out before planting whether its result can be saved in a form.

    Args:
        name: The method's.
        form: As `ImplantResult.save` takes it.
        own: What the base model is, "tied" or "untied"; None where it is neither.

    Raises:
        ImplantError: It cannot.
        ValueError: There is no such method.
    """
    from ifrs.errors import ImplantError

    made = set(method_class(name).form_names)
    could = made - {"tied"} if own == "untied" else made
    could = could or ({own} if own else set())
    if form not in could:
        said = " or ".join(map(repr, sorted(could)))
        raise ImplantError(
            f"a model planted by method={name!r} cannot be saved with form={form!r}: "
            + (f"take {said}" if said else "leave form out")
        )


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
