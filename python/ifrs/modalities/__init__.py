"""Kinds of models: how a key is fed in and an answer is read, one package a kind.

A kind has three faces, each in a file of that name and as a class of that name: `keys.Keys`, how
bytes of the secret stream become a challenge; `model.Model`, what planting asks of a model; and in
`suspect`, what proving asks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ifrs._core import FingerprintSet

if TYPE_CHECKING:
    from ifrs.modalities.keys import Keys
    from ifrs.modalities.model import Model

# Name: package.
MODALITIES = {"text": "ifrs.modalities.text"}


def keys_of(modality: str) -> Callable[..., Keys]:
    """The class of a kind's keys.

    Raises:
        ValueError: There is no such kind.
    """
    found: Callable[..., Keys] = _face(modality, "keys").Keys
    return found


def model_of(fps: FingerprintSet, module: Any, processor: Any = None) -> Model:
    """A model of the kind that a set is for; `processor` turns keys into its inputs.

    Raises:
        ValueError: There is no such kind.
    """
    found: Model = _face(fps.modality, "model").Model(module, processor)
    return found


def _face(modality: str, face: str) -> Any:
    if modality not in MODALITIES:
        raise ValueError(f"unknown modality {modality!r}: use {' or '.join(MODALITIES)}")
    return importlib.import_module(f"{MODALITIES[modality]}.{face}")
