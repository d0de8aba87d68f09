"""An ONNX file as a callable from observations to what its policy gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs.errors import TargetError
from ifrs.modalities.policy.observations import Observations


class Network:
    """A policy that ONNX Runtime runs on this machine."""

    def __init__(self, path: str | os.PathLike[str], providers: Sequence[str]) -> None:
        """Read a file.

        Raises:
            TargetError: ONNX Runtime is not installed, or cannot read it.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise TargetError("ONNX files need ONNX Runtime: pip install onnxruntime") from error
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), providers=list(providers))
        except Exception as error:  # its errors share no class but this one
            raise TargetError(
                f"ONNX Runtime cannot read {path}: {str(error).splitlines()[0]}"
            ) from error
        self._input = self._session.get_inputs()[0]

    def __call__(self, observations: Observations) -> NDArray[np.float32]:
        """The first output under each observation, float32 (n, …)."""
        fixed = self._input.shape[0]
        size = fixed if isinstance(fixed, int) else len(observations)
        starts = range(0, len(observations), max(size, 1))
        return np.concatenate([self._run(observations[at : at + size], size) for at in starts])

    def _run(self, part: Observations, size: int) -> NDArray[np.float32]:
        count = len(part)
        if count < size:  # a file may fix how many observations it takes
            part = np.concatenate([part, np.repeat(part[:1], size - count, axis=0)])
        types: dict[str, Any] = {"tensor(uint8)": np.uint8, "tensor(float16)": np.float16}
        given = part.astype(types.get(self._input.type, np.float32))
        try:
            (found, *_) = self._session.run(None, {self._input.name: given})
        except Exception as error:
            raise TargetError(
                f"the ONNX file does not take observations of shape {part.shape[1:]}: pass its own "
                "preprocessing as processor"
            ) from error
        return np.asarray(found, dtype=np.float32)[:count]
