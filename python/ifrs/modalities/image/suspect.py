"""Classifiers of images as suspects: a module, an ONNX file, or a callable."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ifrs.errors import TargetError
from ifrs.modalities.image.inputs import batches
from ifrs.modalities.named import Named

Scores = NDArray[np.float32]
Gives = Literal["scores", "labels", "top"]


class ClassifierModel(Named):
    """A classifier of images that `ifrs.verify` queries with secret images.

    Scores are ranked, so that a key counts where its class is merely likelier than chance; of
    labels alone, a key counts where its class is the answer. Both p-values are exact.

    Attributes:
        spends_keys: Whether a key that it gets counts as seen by others: not for modules
            and ONNX files, which are at hand; for callables unless their user says so.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
    """

    modality = "image"

    def __init__(
        self,
        model: Any,
        processor: Any = None,
        *,
        gives: Gives = "scores",
        classes: int | Sequence[str] | None = None,
        address: str | None = None,
        spends_keys: bool | None = None,
        name: str | None = None,
    ) -> None:
        """Take a classifier.

        Args:
            model: A torch module or a transformers model from inputs to logits of classes; or any
                callable from a list of PIL images (which `processor` is not for) to what it
                `gives` for each.
            processor: The model's own preprocessing, from a PIL image to an array or tensor
                (C, H, W) or (1, C, H, W), or an image processor of transformers; None for values
                in [0, 1].
            gives: What a callable gives: "scores" of all classes, (images, classes), of any scale;
                "labels", one for each; or "top", for each a list of labels, the likeliest first,
                or of (label, score) pairs.
            classes: The names of all classes in the model's order, where a callable gives names;
                or, for "top", their number.
            address: Where a callable sends keys, as the journal will have it; None for its name.
            spends_keys: Whether others see what it is asked; None for True of callables alone.
            name: What reports call it; None for the class's or function's name.

        Raises:
            ValueError: `gives` is unknown, or "top" goes without `classes`.
        """
        if gives not in ("scores", "labels", "top"):
            raise ValueError(f"gives must be scores, labels or top, not {gives!r}")
        if gives == "top" and classes is None:
            raise ValueError(
                "classes of 'top' must be known: pass their number, or all their names"
            )
        self._model, self._processor, self._gives = model, processor, gives
        self._module = hasattr(model, "parameters") and hasattr(model, "modules")
        if self._module and gives != "scores":
            raise ValueError(f"a module gives scores: gives={gives!r} is for callables")
        self._names = None if classes is None or isinstance(classes, int) else list(classes)
        self._count = classes if isinstance(classes, int) else len(classes or ()) or None
        own = getattr(model, "__name__", type(model).__name__)
        self._call(name or own, self._module, address, spends_keys)
        # `verify` looks for what there is.
        self.labels = self._labels if gives == "labels" else None
        self.scores = None if gives == "labels" else self._scores

    @classmethod
    def from_onnx(
        cls,
        path: str | os.PathLike[str],
        processor: Any = None,
        *,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> ClassifierModel:
        """Take an ONNX file, run by ONNX Runtime on this machine.

        Args:
            path: The file: one input (images, C, H, W), the first output (images, classes).
            processor: As of `ClassifierModel`.
            providers: ONNX Runtime's, in order.

        Raises:
            TargetError: ONNX Runtime is not installed, or cannot read the file.
        """
        from ifrs.modalities.image.onnx import Network

        network = Network(path, processor, providers)
        return cls(network, spends_keys=False, name=Path(path).name)

    def __repr__(self) -> str:
        return f"ClassifierModel({self._name!r}, gives={self._gives!r})"

    def _scores(self, keys: Sequence[Any]) -> Scores:
        """Scores of all classes under each key, float32 (keys, classes)."""
        if self._module:
            return self._of_module(keys)
        given = self._asked(keys)
        if self._gives == "top":
            return np.stack([self._of_top(one) for one in given])
        if hasattr(given, "detach"):
            given = given.detach().cpu().float().numpy()
        return np.asarray(given, dtype=np.float32)

    def _labels(self, keys: Sequence[Any]) -> NDArray[np.int64]:
        """The class of each key, int64 (keys,)."""
        return np.array([self._place(label) for label in self._asked(keys)], dtype=np.int64)

    def _asked(self, keys: Sequence[Any]) -> Any:
        given = self._model(list(keys))
        if len(given) != len(keys):
            raise TargetError(f"the classifier gave {len(given)} answers for {len(keys)} images")
        return given

    def _of_top(self, listed: Sequence[Any]) -> Scores:
        """What is listed in the order of its scores, and all other classes behind, tied."""
        assert self._count is not None
        pairs = [
            one if isinstance(one, (tuple, list)) else (one, -place)
            for place, one in enumerate(listed)
        ]
        scores = np.full(
            self._count, min((float(s) for _, s in pairs), default=0.0) - 1, np.float32
        )
        for label, score in pairs:
            scores[self._place(label)] = score
        return scores

    def _place(self, label: Any) -> int:
        if self._names is not None and isinstance(label, str):
            if label not in self._names:
                raise TargetError(f"the classifier gave {label!r}, which is none of its classes")
            return self._names.index(label)
        place = int(label)
        if self._count is not None and not 0 <= place < self._count:
            raise TargetError(f"the classifier gave label {place} of {self._count} classes")
        return place

    def _of_module(self, keys: Sequence[Any]) -> Scores:
        import torch

        from ifrs.modalities.image.model import logits_of
        from ifrs.runtime.modules import device_of, dtype_of, evaluating

        device, dtype = device_of(self._model), dtype_of(self._model)
        found = []
        with evaluating(self._model), torch.no_grad():
            for part in batches(keys, self._processor):
                inputs = torch.from_numpy(part).to(device, dtype)
                found.append(logits_of(self._model(inputs)).float().cpu().numpy())
        return np.concatenate(found)
