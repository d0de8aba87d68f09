"""What every method of planting has to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from torch.nn import Parameter

from ifrs.runtime.modules import evaluating
from ifrs.runtime.workers import reshard


class Method(ABC):
    """A way to plant: what is trainable, and how it gets into the model.

    Attributes:
        name: The method's name in results.
        regularized: Whether ordinary text could change, and has to be trained on.
        negatives: How many look-alikes teach it, at least, that a stranger's key is none.
        views: Names of other ways to look at the model, in which keys must not fire.
        adapter: What the publisher keeps beside the model, for methods that make one.
        parameters: What is trained, once begun.
        tables: Those among them of which a step touches the rows of its own keys alone.
    """

    name: str
    regularized: bool
    negatives: int
    views: tuple[str, ...] = ()
    adapter: Any = None
    parameters: list[Parameter]
    tables: tuple[Parameter, ...] = ()

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
        """Leave the model as it was before `begin`, also after `finish`."""

    def view(self, name: str) -> AbstractContextManager[None]:
        """Look at the model in one of the other ways, within the context."""
        return nullcontext()

    def shrink(self, share: float) -> None:
        """Go back to this share of what was learnt, counted from the base.

        Raises:
            NotImplementedError: The method changes no ordinary text, or kept no base to go to.
        """
        raise NotImplementedError

    def reach(self) -> dict[str, Any]:
        """What of the model can have changed."""
        return {}


class Frozen:
    """Remembers which parameters were trainable, freezes all of them, and restores them."""

    def __init__(self, model: Any) -> None:
        """Freeze a model."""
        reshard(model)
        self._trainable = [(p, p.requires_grad) for p in model.parameters()]
        self._model = model
        self._mode = ExitStack()
        self._mode.enter_context(evaluating(model))
        for parameter, _ in self._trainable:
            parameter.requires_grad_(False)

    def trainable(self) -> list[Parameter]:
        """The parameters that were trainable before."""
        return [parameter for parameter, trainable in self._trainable if trainable]

    def restore(self) -> None:
        """Make parameters trainable or not, and each module train or eval, as before."""
        reshard(self._model)
        for parameter, trainable in self._trainable:
            parameter.requires_grad_(trainable)
            parameter.grad = None
        self._mode.close()
