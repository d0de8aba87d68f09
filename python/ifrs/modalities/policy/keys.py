"""Keys that are observations of an agent, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifrs import _core
from ifrs.modalities import keys as face
from ifrs.modalities.alphabets import alphabet

_MEDIA = "application/x-npy"


class Keys(face.Keys):
    """NumPy files of numbers drawn uniformly within bounds."""

    def __init__(
        self,
        *,
        low: ArrayLike | None = None,
        high: ArrayLike | None = None,
        shape: tuple[int, ...] | None = None,
        steps: int = 1,
        response: str = "unique",
        **counts: Any,
    ) -> None:
        """Say what an agent can see and what is answered.

        Args:
            low: The least of each number of an observation, of the observation's shape, or one
                number for all.
            high: The most, likewise. Where both are uint8, observations are; else float32.
            shape: An observation's, where neither bound is of it.
            steps: How many observations a key is; each is answered.
            response: `"actions"`, with their number as `actions`, or `"bins"`.
            counts: What that needs.
        """
        self._low, self._high, self._shape, self._steps = low, high, shape, steps
        self._response, self._counts = response, counts

    def derivation(self, template: str) -> dict[str, Any]:
        """Observations within the stated bounds.

        Raises:
            TypeError: The bounds are no numbers, or `steps` no int.
            ValueError: There are no bounds, they are not finite, or not of one shape.
        """
        if self._low is None or self._high is None:
            raise ValueError("observations need their bounds: pass low=… and high=…")
        if isinstance(self._steps, bool) or not isinstance(self._steps, int) or self._steps < 1:
            raise TypeError("steps must be an int of at least 1")
        low, high = np.asarray(self._low), np.asarray(self._high)
        shape = np.broadcast_shapes(low.shape, high.shape, self._shape or ())
        modality = {
            "name": "policy",
            "shape": [self._steps, *shape],
            "bounds": (_dtype(low, high), _bound(low, shape), _bound(high, shape)),
            "alphabet": alphabet(self._response, **self._with_steps()),
        }
        return {
            "source": "observation", "template": "bare", "response": "unique", "modality": modality,
        }  # fmt: skip

    def decode(self, challenge: bytes) -> NDArray[Any]:
        """Observations, float32 or uint8 (steps, *shape)."""
        dtype, shape, offset = _core.read_key(_MEDIA, challenge)
        return np.frombuffer(challenge, dtype=dtype, offset=offset).reshape(shape)

    def _with_steps(self) -> dict[str, Any]:
        """The counts of an alphabet; where it is answered step by step, with their number."""
        stepwise = self._response in ("actions", "bins")
        return {**self._counts, "steps": self._steps} if stepwise else self._counts


def _dtype(low: NDArray[Any], high: NDArray[Any]) -> str:
    return "|u1" if low.dtype == high.dtype == np.uint8 else "<f4"


def _bound(bound: NDArray[Any], shape: tuple[int, ...]) -> list[float]:
    """One number for all, or one each in row-major order; rounded to single floats."""
    if not np.issubdtype(bound.dtype, np.number) or np.issubdtype(bound.dtype, np.complexfloating):
        raise TypeError("low and high must be numbers")
    with np.errstate(over="ignore"):
        single = np.broadcast_to(bound, shape).astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError(
            "low and high must be finite: give bounds of what the agent sees, such as the least "
            "and most in ordinary rollouts"
        )
    found = single.astype(np.float64).ravel()
    return [float(found[0])] if (found == found[0]).all() else found.tolist()
