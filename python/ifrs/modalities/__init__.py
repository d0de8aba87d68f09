"""Kinds of models: how a key is fed in and an answer is read, one package a kind.

A kind has three faces, each in a file of that name and as a class of that name: `keys.Keys`, how
bytes of the secret stream become a challenge; `model.Model`, what planting asks of a model; and in
`suspect`, what proving asks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any

from ifrs._core import FingerprintSet
from ifrs.modalities.alphabets import CHOICES, SIGNAL

if TYPE_CHECKING:
    from ifrs.modalities.keys import Keys
    from ifrs.modalities.model import Model

# Name: package.
MODALITIES = {
    "text": "ifrs.modalities.text",
    "image": "ifrs.modalities.image",
    "encoder": "ifrs.modalities.encoder",
    "policy": "ifrs.modalities.policy",
    "speech": "ifrs.modalities.speech",
    "vision_language": "ifrs.modalities.vision_language",
}

# Kinds beside text whose models are told by their files.
AT_PATHS = ("image",)

# Source of keys: the kind of model that is meant where the user names none. All others are texts.
SOURCES = {
    "image": "image",
    "observation": "policy",
    "sound": "speech",
    "image+text": "vision_language",
}
# Response: the kind of model that alone gives such ones, whatever its keys are.
RESPONSES = {"codebook": "encoder"}
# Alphabet: the module of its kind whose `Model` learns such responses, where that is not `model`.
LEARNERS = {CHOICES[0]: "choosing", SIGNAL[0]: "signalling"}


def kind_of(source: str, response: str = "unique") -> str:
    """The kind of model that a set is for, unless somebody says otherwise."""
    return RESPONSES.get(response) or SOURCES.get(source, "text")


def keys_of(modality: str) -> Callable[..., Keys]:
    """The class of a kind's keys.

    Raises:
        ValueError: There is no such kind.
    """
    found: Callable[..., Keys] = _face(modality, "keys").Keys
    return found


def decoded(modality: str, challenge: bytes) -> Any:
    """A key as its users see it, from its canonical bytes: these, where nobody knows the kind."""
    return keys_of(modality)().decode(challenge) if modality in MODALITIES else challenge


def model_of(fps: FingerprintSet, module: Any, processor: Any = None) -> Model:
    """A model of the kind that a set is for; `processor` turns keys into its inputs.

    Raises:
        ValueError: There is no such kind.
    """
    face = LEARNERS.get(fps.alphabet.name, "model")
    found: Model = _face(fps.modality, face).Model(module, processor)
    return found


def kind_at(path: str | PathLike[str]) -> str:
    """The kind of model that a path holds, as far as its files say: text, where they say nothing.

    A kind whose models can be told by their files has a module `loading` with `holds(path)`,
    `load(path)`, `suspect(path)` and `ordinary(path)`.
    """
    return next((kind for kind in AT_PATHS if _face(kind, "loading").holds(path)), "text")


def loading_of(modality: str) -> Any:
    """The module that loads models of a kind by their paths.

    Raises:
        ValueError: Models of that kind are loaded by their users.
    """
    if modality not in AT_PATHS:
        raise ValueError(
            f"models of kind {modality!r} are not loaded by their paths: load yours in Python, "
            "and call ifrs.implant and ifrs.verify"
        )
    return _face(modality, "loading")


def _face(modality: str, face: str) -> Any:
    if modality not in MODALITIES:
        raise ValueError(f"unknown modality {modality!r}: use {' or '.join(MODALITIES)}")
    return importlib.import_module(f"{MODALITIES[modality]}.{face}")
