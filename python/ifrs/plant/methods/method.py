"""What every method of planting has to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.runtime.modules import evaluating
from ifrs.runtime.partitioned import in_partitions, require_gathering
from ifrs.runtime.workers import reshard


@dataclass
class Taught:
    """What came of a course.

    Attributes:
        steps: How many were taken.
        margins: For each fingerprint, by how much its share of green pairs beats that of the best
            other colouring.
        log10_p: Of the planted model's own answers, all fingerprints together.
    """

    steps: int
    margins: list[float]
    log10_p: float


# Writes a form of the release into a folder; given what writes the model into it as it is.
Form = Callable[[Path, Callable[[Path], None]], None]


class Method(ABC):
    """A way to plant: what is trainable, and how it gets into the model.

    A method's own options are its constructor's; what belongs to one planting is found by
    `prepare`, in a copy, so that one object can plant often.

    Attributes:
        name: The method's name in results.
        regularized: Whether ordinary work could change, and has to be trained on.
        negatives: How many look-alikes teach it, at least, that a stranger's key is none.
        seconds: About how long it plants ten fingerprints in a model of 270 million weights on two
            cores.
        audit_rank: The lower, the earlier an audit plants it, and a quick one prefers it.
        form_names: Forms of a release that it makes beside the model as it is.
        renamed: Its options that `ImplantConfig` has, too: own name to that one.
        views: Names of other ways to look at the model, in which keys must not fire.
        adapter: What the publisher keeps beside the model, for methods that make one.
        alone: Whether keys are planted as they are asked and nothing is trained beside them:
            neither other surroundings nor look-alikes.
        course: Whether it plants in a course of its own, `teach`, and not in the loop of keys.
        private: Whether that must not be published; else it is published in place of the model.
        parameters: What is trained, once begun.
        tables: Those among them of which a step touches the rows of its own keys alone.
    """

    name: ClassVar[str]
    regularized: ClassVar[bool] = True
    negatives: ClassVar[int]
    seconds: ClassVar[float] = 300.0
    audit_rank: ClassVar[int] = 40
    form_names: ClassVar[frozenset[str]] = frozenset()
    renamed: ClassVar[dict[str, str]] = {}
    views: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[bool] = False
    course: ClassVar[bool] = False
    private: ClassVar[bool] = False
    adapter: Any = None
    parameters: list[Parameter]
    tables: tuple[Parameter, ...] = ()

    @classmethod
    def from_config(cls, config: ImplantConfig) -> Method:
        """The method with the options that a configuration names."""
        return cls(**{own: getattr(config, name) for own, name in cls.renamed.items()})

    @abstractmethod
    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        """Look at what is planted, and where; the model is not changed yet.

        Raises:
            ImplantError: The method does not suit the model or the set.
        """

    @abstractmethod
    def begin(self) -> list[Parameter]:
        """Make the model trainable and return the parameters."""

    def gather(self, regularization: Any) -> None:
        """Gather what such a course teaches; the model is not changed yet.

        Raises:
            ImplantError: The regularization data cannot be read.
        """
        raise NotImplementedError

    def teach(self) -> Taught:
        """Plant, once begun, where `course` says that the loop of keys does not.

        Raises:
            ImplantError: The loss is no number any more.
        """
        raise NotImplementedError

    @abstractmethod
    def learning_rate(self) -> float:
        """The step size of AdamW when the user names none."""

    @abstractmethod
    def finish(self) -> None:
        """Write what was learnt into the model's own weights."""

    @abstractmethod
    def undo(self) -> None:
        """Leave the model as it was before `begin`, also after `finish`."""

    def takes_partitions(self) -> bool:
        """Whether it plants in weights that ZeRO-3 has partitioned."""
        return False

    def require_weights(self, model: Model) -> None:
        """Refuse a model whose weights it cannot reach.

        Raises:
            ImplantError: ZeRO-3 has partitioned them.
        """
        if not in_partitions(model.module):
            return
        if not (model.takes_partitions and self.takes_partitions()):
            raise ImplantError(
                "ZeRO-3 has partitioned the model's weights: plant in a language model by "
                "method='emb' (without tied=True), shard by FSDP 2 (fully_shard), or plant in one "
                "process"
            )
        require_gathering(model.module)

    def merges(self) -> bool:
        """Whether all that is learnt goes into the model's own weights."""
        return not self.private

    def written(self) -> bool:
        """Whether the model itself fires now, and can be asked as it will be saved."""
        return self.adapter is None

    def view(self, name: str) -> AbstractContextManager[None]:
        """Look at the model in one of the other ways, within the context."""
        return nullcontext()

    def hold(self) -> float:
        """Add the gradients of what the method itself holds at the base; the loss."""
        return 0.0

    def holds(self) -> bool:
        """Whether that is held."""
        return True

    def forms(self) -> dict[str, Form]:
        """Other forms of the release than the model as it is, by name."""
        return {}

    def scaled(self, share: float) -> Iterator[tuple[Tensor, Tensor]]:
        """What to add to which weights, so that this share of what was learnt is left.

        Raises:
            NotImplementedError: The method kept no base to go to.
        """
        raise NotImplementedError

    def shrink(self, share: float) -> None:
        """Go back to this share of what was learnt, counted from the base.

        Raises:
            NotImplementedError: The method kept no base to go to.
        """
        with torch.no_grad():
            for weight, change in self.scaled(share):
                weight.add_(change)

    def beside(self) -> list[tuple[Tensor, Tensor]]:
        """What is trained beside the model's own weights, each with what it is added to."""
        return []

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
