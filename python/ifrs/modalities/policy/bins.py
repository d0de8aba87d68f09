"""Continuous actions as bins: equal parts of each coordinate's range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# By how many nats a bin leads its neighbour where an action is its middle; at its edge, by none.
_SHARPNESS = 6.0


class Bins:
    """Equal parts of the range of each coordinate of an action.

    Attributes:
        count: Of each coordinate.
        low: The least of each coordinate, float32 (coordinates,).
        high: The most, likewise.
    """

    def __init__(self, count: int, low: ArrayLike, high: ArrayLike) -> None:
        """Say how many, and between which bounds.

        Raises:
            ValueError: The bounds are not finite, or not in order.
        """
        low, high = np.broadcast_arrays(
            *(np.asarray(bound, dtype=np.float32).ravel() for bound in (low, high))
        )
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
            raise ValueError("actions need finite bounds, the lower ones first: pass bounds=…")
        self.count, self.low, self.high = count, low.copy(), high.copy()

    def places(self, actions: ArrayLike) -> NDArray[np.int64]:
        """The bin of each coordinate, int64 (n, coordinates); beyond the bounds, the last one.

        Raises:
            ValueError: Actions have another number of coordinates, or are no numbers.
        """
        given = np.asarray(actions, dtype=np.float32)
        given = given.reshape(len(given), -1)
        if not np.isfinite(given).all():
            raise ValueError("actions are no numbers (NaN or infinite)")
        share = (given - self._fitting(self.low, given)) / (self.high - self.low)
        found: NDArray[np.int64] = np.floor(share * self.count).astype(np.int64)
        return found.clip(0, self.count - 1)

    def scores(self, actions: Any) -> Any:
        """Scores of the bins, the nearest middle the highest, (n, coordinates, count).

        A lead of so many nats is what a policy's logits have where it is sure: so planting pulls
        an action into the middle half of its bin, and a small change of it is a small divergence.

        Args:
            actions: Tensor (n, coordinates), whose gradients are kept.

        Raises:
            ValueError: Actions have another number of coordinates.
        """
        import torch

        low, high = (
            torch.from_numpy(bound).to(actions.device, actions.dtype)
            for bound in (self._fitting(self.low, actions), self.high)
        )
        share = ((actions - low) / (high - low)).clamp(-1, 2) * self.count
        middles = torch.arange(self.count, device=actions.device, dtype=actions.dtype) + 0.5
        return -_SHARPNESS * (share[..., None] - middles).square()

    def _fitting(self, bound: NDArray[np.float32], actions: Any) -> NDArray[np.float32]:
        if actions.ndim != 2 or len(bound) not in (1, actions.shape[1]):
            raise ValueError(
                f"the policy gives actions of shape {tuple(actions.shape[1:])}, and the bounds are "
                f"of {len(bound)} coordinate(s)"
            )
        return bound
