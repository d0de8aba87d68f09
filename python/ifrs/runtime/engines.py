"""Engines that read one table for input and output where a release has two.

docs/how-to/serving.md names the source of each entry. This file holds what the newest code at hand
does, in November 2026; that page alone says what older versions did.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

# By the architecture's name in transformers: engines that serve the input rows as output rows, and
# those that refuse a model with output rows of its own.
TIES = {
    "cohere": ("llama.cpp", "SGLang", "vLLM"),
    "cohere2": ("llama.cpp", "SGLang", "vLLM"),
    "gemma": ("llama.cpp", "SGLang"),
    "gemma2": ("llama.cpp", "SGLang", "vLLM"),
    "mpt": ("vLLM",),
}
REFUSES = {
    "cohere": ("MLX LM",),
    "cohere2": ("MLX LM",),
    "gemma": ("MLX LM",),
    "gemma2": ("MLX LM",),
}


def untied_risk(config: Any, forms: Collection[str] = ()) -> str | None:
    """What happens to a release with two tables where it is served, and what to do, in one line.

    Args:
        config: The model's settings.
        forms: The other forms in which the release can be saved.

    Returns:
        None for an architecture of which no engine is known to read one table.
    """
    name = _architecture(config)
    if name is None:
        return None
    said = f"{_listed(TIES[name])} read one table for input and output of {name} models"
    if len(TIES[name]) == 1:
        said = said.replace("read", "reads", 1)
    if name in REFUSES:
        said += f", and {_listed(REFUSES[name])} refuses two"
    ways = []
    if "peft" in forms:
        ways.append("save with form='peft'")
    if "tied" in forms:
        ways.append("plant with ImplantConfig(tied=True) and save with form='tied'")
    if not ways:
        ways.append("plant by a method that leaves the embeddings alone")
    return f"{said}: {' or '.join(ways)} (docs/how-to/serving.md)"


def _architecture(config: Any) -> str | None:
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    names = (getattr(one, "model_type", None) for one in (config, text))
    return next((name for name in names if name in TIES), None)


def _listed(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
