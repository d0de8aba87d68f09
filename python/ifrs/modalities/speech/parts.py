"""What a model that hears is made of, as transformers has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What feature extractors call the input of an encoder.
INPUTS = ("input_features", "input_values")


def parts_of(processor: Any) -> tuple[Any, Any]:
    """A processor's feature extractor and tokenizer, or a pair of these.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(processor, (tuple, list)) and len(processor) == 2:
        return processor[0], processor[1]
    found = getattr(processor, "feature_extractor", None), getattr(processor, "tokenizer", None)
    if None in found:
        raise ValueError(
            "the processor of a model that hears has a feature_extractor and a tokenizer: load it "
            "with AutoProcessor, or pass (feature extractor, tokenizer)"
        )
    return found


def is_hearing(module: Any) -> bool:
    """Whether a module is an encoder-decoder of transformers that hears and writes."""
    needed = ("generate", "get_encoder", "get_output_embeddings")
    if not all(callable(getattr(module, name, None)) for name in needed):
        return False
    is_pair = bool(getattr(module.config, "is_encoder_decoder", False))
    takes = getattr(module, "main_input_name", None)
    return is_pair and takes in INPUTS and module.get_output_embeddings() is not None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what transformers says of settings that it was told twice out of logs."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
