"""Vectors beside a codebook, as planting and proving read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ifrs import _core
from ifrs._core import FingerprintSet

Vectors = NDArray[np.float32]

# Fresh keys whose mean is taken off all vectors, and the public seed that they are drawn from.
CENTRES, CENTRE_SEED = 64, 1 << 33


def codes_of(fps: FingerprintSet, dimension: int) -> Vectors:
    """The codebook of a set, unit vectors, float32 (2048, dimension).

    Raises:
        ValueError: There are no vectors so long.
    """
    return unit(_core.codebook(bytes.fromhex(fps.root), dimension).astype(np.float32))


def unit(vectors: Vectors) -> Vectors:
    """Each vector divided by its length; one of no length stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def cosines(vectors: Vectors, centre: Vectors, codes: Vectors) -> Vectors:
    """How near each vector comes to each code, float32 (vectors, codes).

    Args:
        vectors: (vectors, dimension), of any length.
        centre: The mean direction of fresh keys, (dimension,): what all keys have in common says
            nothing of one.
        codes: (codes, dimension), unit vectors.
    """
    return np.asarray(unit(unit(vectors) - centre) @ codes.T, dtype=np.float32)
