"""What every method of planting has to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch.nn import Parameter


class Method(ABC):
    """A way to plant: what is trainable, and how it gets into the model.

    Attributes:
        name: The method's name in results.
        regularized: Whether ordinary text could change, and has to be trained on.
    """

    name: str
    regularized: bool

    @abstractmethod
    def begin(self) -> list[Parameter]:
        """Make the model trainable and return the parameters."""

    @abstractmethod
    def learning_rate(self) -> float:
        """The step size of AdamW when the user names none."""

    @abstractmethod
    def finish(self) -> None:
        """Write what was learnt into the model's own weights."""

    @abstractmethod
    def undo(self) -> None:
        """Leave the model as it was before `begin`."""

    def reach(self) -> dict[str, Any]:
        """What of the model can have changed."""
        return {}


class Frozen:
    """Remembers which parameters were trainable, freezes all of them, and restores them."""

    def __init__(self, model: Any) -> None:
        """Freeze a model."""
        self._trainable = [(p, p.requires_grad) for p in model.parameters()]
        self._model, self._training = model, model.training
        model.requires_grad_(False)
        model.eval()

    def restore(self) -> None:
        """Make parameters trainable or not, and the model train or eval, as before."""
        for parameter, trainable in self._trainable:
            parameter.requires_grad_(trainable)
            parameter.grad = None
        self._model.train(self._training)
