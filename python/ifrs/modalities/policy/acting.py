"""How a torch module acts, with a state or without."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence


class Misfit(ValueError):
    """A policy gives something else than it should; the message holds nothing of what it saw."""


class Acting(ABC):
    """What acts.

    Attributes:
        module: The torch module with its weights.
        heads: Its submodules without a part in acting, by prefix of their names: value functions.
    """

    heads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, module: nn.Module) -> None:
        """Take a module."""
        self.module = module

    @abstractmethod
    def rows(self, observations: Sequence[Tensor]) -> Tensor:
        """Logits of actions, or actions, at each step of some sequences, one after the other.

        Args:
            observations: Of each sequence, (steps, *shape).

        Returns:
            (all steps, actions), or (all steps, coordinates) of continuous actions.

        Raises:
            Misfit: The module gives something else.
        """


class Plain(Acting):
    """A module from observations (n, *shape) to logits (n, actions) or to actions."""

    def rows(self, observations: Sequence[Tensor]) -> Tensor:
        return tensor_of(self.module(fitting(self.module, torch.cat(list(observations)))))


class Recurrent(Acting):
    """A module from observations (n, *shape) and a state, None at first, to logits and a state."""

    def rows(self, observations: Sequence[Tensor]) -> Tensor:
        # What follows a shorter sequence's end changes nothing before it.
        padded = fitting(self.module, pad_sequence(list(observations), batch_first=True))
        state, found = None, []
        for step in range(padded.shape[1]):
            given = self.module(padded[:, step], state)
            if not isinstance(given, (tuple, list)) or len(given) != 2:
                raise Misfit("a recurrent policy must give a pair: logits and its next state")
            found.append(tensor_of(given[0]))
            state = given[1]
        steps = torch.stack(found, dim=1)
        return torch.cat([steps[row, : len(one)] for row, one in enumerate(observations)])


def fitting(module: nn.Module, observations: Tensor) -> Tensor:
    """Observations where a module is, in the type of its weights; float32 where it has none."""
    weight = next((one for one in module.parameters() if one.is_floating_point()), None)
    return observations.float() if weight is None else observations.to(weight)


def tensor_of(output: Any) -> Tensor:
    """The logits or actions in what a module gave: itself, its `logits`, or the first of several.

    Raises:
        Misfit: There are none.
    """
    found = getattr(output, "logits", output)
    if isinstance(found, (tuple, list)) and found:
        found = found[0]
    if not isinstance(found, Tensor) or found.ndim != 2:
        shape = f"of shape {tuple(found.shape)}" if isinstance(found, Tensor) else "no tensor"
        raise Misfit(
            f"the policy gave {shape}: it must give logits of actions (n, actions), or actions "
            "(n, coordinates)"
        )
    return found
