"""Policies of Stable-Baselines3, known by what they can do: the package need not be there."""

from __future__ import annotations

import copy
import os
import random
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ifrs.errors import TargetError
from ifrs.modalities.policy.acting import Acting

# Parts of its policies that say how good a state is, or follow another part.
_VALUES = (
    "value_net",
    "vf_features_extractor",
    "mlp_extractor.value_net",
    "critic",
    "q_net_target",
)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave the generators of `random`, NumPy and torch as they were, whatever seeds them."""
    plain, arrays = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(arrays)


def policy_of(given: Any) -> Any:
    """The policy in an algorithm, or a policy itself; None for anything else."""
    policy = given if isinstance(given, nn.Module) else getattr(given, "policy", None)
    known = all(hasattr(policy, name) for name in ("predict", "obs_to_tensor", "action_space"))
    return policy if known and isinstance(policy, nn.Module) else None


class Stable(Acting):
    """A policy whose actions are discrete (PPO, A2C, DQN) or continuous (SAC and TD3, too)."""

    heads = _VALUES

    def __init__(self, policy: Any) -> None:
        """Take a policy.

        Raises:
            ValueError: It is recurrent, or its observations or actions are of several parts.
        """
        super().__init__(policy)
        self._policy = policy
        kind = type(policy.action_space).__name__
        if kind not in ("Discrete", "Box"):
            raise ValueError(f"actions of a {kind} space have no single list: pass a torch module")
        if type(policy.observation_space).__name__ == "Dict":
            raise ValueError("observations of several parts are no keys: pass a torch module")
        if hasattr(policy, "lstm_actor"):
            raise ValueError(
                "recurrent policies are planted in as a torch module from (observations, state) to "
                "(logits, state)"
            )
        self._discrete = kind == "Discrete"

    def rows(self, observations: Sequence[Tensor]) -> Tensor:
        given = torch.cat(list(observations))
        inputs, _ = self._policy.obs_to_tensor(given.cpu().numpy())
        if hasattr(self._policy, "q_net"):
            return self._tensor(self._policy.q_net(inputs))
        if not hasattr(self._policy, "get_distribution"):
            return self._scaled(self._policy._predict(inputs, deterministic=True))
        chosen = self._policy.get_distribution(inputs)
        if self._discrete:
            return self._tensor(chosen.distribution.logits)
        return self._scaled(chosen.mode())

    def _scaled(self, actions: Tensor) -> Tensor:
        """Actions in the units of their space."""
        if not self._policy.squash_output:
            return self._tensor(actions)
        low, high = (
            torch.as_tensor(bound, device=actions.device, dtype=actions.dtype)
            for bound in (self._policy.action_space.low, self._policy.action_space.high)
        )
        return self._tensor(low + (actions + 1) / 2 * (high - low))

    def _tensor(self, found: Tensor) -> Tensor:
        return found.reshape(len(found), -1)


def weights_of(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The weights of a policy in a file of Stable-Baselines3, read without running what it says.

    Raises:
        ValueError: The file is none of its, or damaged.
        OSError: It cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("policy.pth") as file:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, KeyError, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} is no policy that Stable-Baselines3 saved") from error
    except Exception as error:  # pickle's, where a file wants more than weights
        if type(error).__name__ != "UnpicklingError":
            raise
        raise ValueError(f"{path} holds more than weights as its policy.pth") from error
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) for t in found.values()):
        raise ValueError(f"{path} holds no weights as its policy.pth")
    return found


def loaded(path: str | os.PathLike[str], like: Any) -> Any:
    """A copy of a policy with the weights of a file.

    Raises:
        TargetError: There is no such file, or its weights are not of that architecture.
        TypeError: `like` is no policy of Stable-Baselines3.
    """
    policy = policy_of(like)
    if policy is None:
        raise TypeError("like must be an algorithm or policy of Stable-Baselines3")
    found = copy.deepcopy(policy)
    try:
        found.load_state_dict(weights_of(path))
    except (OSError, ValueError) as error:
        raise TargetError(str(error)) from error
    except RuntimeError as error:
        raise TargetError(
            f"the weights in {path} are not of the architecture of like: pass a policy that is "
            "made alike"
        ) from error
    return found
