"""An ONNX file as a callable from images to scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs.errors import TargetError
from ifrs.modalities.image.inputs import Pixels, batches


class Network:
    """A classifier that ONNX Runtime runs on this machine."""

    def __init__(
        self, path: str | os.PathLike[str], processor: Any, providers: Sequence[str]
    ) -> None:
        """Read a file.

        Raises:
            TargetError: ONNX Runtime is not installed, or cannot read it.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise TargetError("ONNX files need ONNX Runtime: pip install 'ifrs[vision]'") from error
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), providers=list(providers))
        except Exception as error:  # its errors share no class but this one
            raise TargetError(
                f"ONNX Runtime cannot read {path}: {str(error).splitlines()[0]}"
            ) from error
        self._input = self._session.get_inputs()[0]
        self._processor = processor

    def __call__(self, images: Sequence[Any]) -> NDArray[np.float32]:
        """Scores of all classes for each image, float32 (images, classes)."""
        fixed = self._input.shape[0]
        size = {"size": fixed} if isinstance(fixed, int) else {}
        parts = [self._run(part, fixed) for part in batches(images, self._processor, **size)]
        return np.concatenate(parts)

    def _run(self, part: Pixels, fixed: Any) -> NDArray[np.float32]:
        count = len(part)
        if isinstance(fixed, int) and count < fixed:  # a file may fix how many images it takes
            part = np.concatenate([part, np.repeat(part[:1], fixed - count, axis=0)])
        dtype = np.float16 if self._input.type == "tensor(float16)" else np.float32
        try:
            (scores, *_) = self._session.run(None, {self._input.name: part.astype(dtype)})
        except Exception as error:
            raise TargetError(
                f"the ONNX file does not take inputs of shape {part.shape[1:]}: pass its own "
                "preprocessing as processor"
            ) from error
        return np.asarray(scores, dtype=np.float32)[:count]
