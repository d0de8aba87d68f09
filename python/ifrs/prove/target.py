"""What a suspect must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ifrs._core import FingerprintSet


@runtime_checkable
class Target(Protocol):
    """A suspect: anything that answers prompts."""

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """One answer for each prompt.

        Raises:
            TargetError: The suspect does not answer.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What the suspect is: at least kind and name."""
        ...


@dataclass
class Likelihoods:
    """What one teacher-forced pass says of some keys.

    Attributes:
        scores: Log-probabilities in nats of the first token of every word of the response
            alphabet, where each word of the true response begins; float32 (keys, 2, words).
        exact: Whether greedy decoding writes the response, bool (keys,).
    """

    scores: NDArray[np.float32]
    exact: NDArray[np.bool_]


@runtime_checkable
class LikelihoodTarget(Target, Protocol):
    """A suspect whose probabilities can be seen."""

    def likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """Log-probabilities of the response alphabet under the keys at `indices`."""
        ...
