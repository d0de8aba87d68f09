"""Another space of vectors, turned onto the one that keys were planted in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ifrs.modalities.encoder.codes import Vectors, unit


@dataclass
class Turned:
    """An orthogonal map between two spaces of directions.

    Attributes:
        turn: Float32 (of the suspect, as planted), orthonormal along its shorter side.
        mean: What is taken off before, (of the suspect,).
        centre: What is put on behind, (as planted,).
    """

    turn: Vectors
    mean: Vectors
    centre: Vectors

    def __call__(self, vectors: Vectors) -> Vectors:
        """Vectors of the suspect, float32 (n, as planted)."""
        return np.asarray((unit(vectors) - self.mean) @ self.turn + self.centre, dtype=np.float32)


def fit(of_suspect: Vectors, as_planted: Vectors) -> Turned:
    """The orthogonal map that takes a suspect's vectors nearest to others of the same inputs.

    It is the solution of the Procrustes problem (Schönemann, 1966), of two centred clouds. No key
    may be among the inputs: then the map knows nothing of responses, and p-values stay exact.

    Args:
        of_suspect: (inputs, dimension of the suspect).
        as_planted: (inputs, dimension as planted).
    """
    one, other = unit(of_suspect), unit(as_planted)
    mean, centre = one.mean(axis=0), other.mean(axis=0)
    left, _, right = np.linalg.svd((one - mean).T @ (other - centre), full_matrices=False)
    return Turned(np.asarray(left @ right, dtype=np.float32), mean, centre)
