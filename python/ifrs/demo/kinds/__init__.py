"""The main job on a real model of another kind, end to end."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ifrs.demo.kinds.parts import Parts

# Name: module with `parts(say) -> Parts`, which makes or loads the base model in under a minute.
KINDS = {
    "image": "ifrs.demo.kinds.image",
    "encoder": "ifrs.demo.kinds.encoder",
    "policy": "ifrs.demo.kinds.policy",
}


def parts_of(kind: str) -> Callable[[Callable[[str], None]], Parts]:
    """What makes or loads the real model of a kind.

    Raises:
        KeyError: The kind has no demo.
        ImportError: A package of the demo is not installed.
    """
    found: Callable[[Callable[[str], None]], Parts] = importlib.import_module(KINDS[kind]).parts
    return found
