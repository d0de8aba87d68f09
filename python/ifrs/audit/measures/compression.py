"""Bits per byte: how well a model knows a text, whatever its vocabulary."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ifrs.audit.measures.divergence import log_likelihoods
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import encode_prompts

# Characters of a text: tokens would cut texts of two vocabularies at different places.
_CHARACTERS = 320


def bits_per_byte(model: Model, texts: Sequence[str]) -> float:
    """Mean negative log-likelihood of texts, in bits for each byte of UTF-8 behind the first token.

    Raises:
        ValueError: No text has two tokens.
    """
    encoded = encode_prompts(model.tokenizer, [text[:_CHARACTERS] for text in texts])
    encoded = [ids for ids in encoded if len(ids) > 1]
    nats = sum(map(sum, log_likelihoods(model, encoded)))
    size = sum(len(model.tokenizer.decode(ids[1:]).encode()) for ids in encoded)
    if not size:
        raise ValueError("there is no text to measure on")
    return nats / math.log(2) / size
