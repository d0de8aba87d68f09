"""Policies as suspects: agents, modules, ONNX files, or whatever takes actions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifrs.errors import TargetError
from ifrs.modalities.named import Named
from ifrs.modalities.policy.bins import Bins
from ifrs.modalities.policy.observations import Observations, Processor, inputs_of, stepwise

Gives = Literal["scores", "actions"]


class PolicyModel(Named):
    """A policy that `ifrs.verify` queries with secret observations.

    Scores of all actions are ranked, so that a step counts where its action is merely likelier than
    chance; of actions alone, a step counts where its action is taken. Both p-values are exact. Keys
    of several steps go to the policy step by step, as its environment would send them.

    Attributes:
        spends_keys: Whether a key that it gets counts as seen by others: not for modules,
            policies of Stable-Baselines3 and files, which are at hand; for all else unless its user
            says so.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
    """

    modality = "policy"

    def __init__(
        self,
        policy: Any,
        processor: Processor | None = None,
        *,
        gives: Gives | None = None,
        bins: int | None = None,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
        address: str | None = None,
        spends_keys: bool | None = None,
        name: str | None = None,
    ) -> None:
        """Take a policy.

        Args:
            policy: An algorithm or policy of Stable-Baselines3; a torch module from observations
                `(n, *shape)` to logits (n, actions), or to continuous actions (n, coordinates); a
                recurrent module, whose forward takes (observations, state), `state` None at first,
                and gives (logits, state); any object with `predict(observations, state=,
                episode_start=, deterministic=True)`, which gives (actions, state); or any callable
                from observations to what it `gives`.
            processor: From observations `(n, *shape)` to the policy's inputs, such as
                `VecNormalize.normalize_obs`; None for observations as they are.
            gives: "scores", (n, actions), of any scale, or "actions", (n,) or (n, coordinates).
                None for scores of what has weights that can be seen, and for actions of all else.
            bins: Of continuous actions, into how many bins the set's responses divide each
                coordinate.
            bounds: Of continuous actions, least and most of each coordinate; None for those of the
                policy's `action_space`.
            address: Where keys are sent, as the journal will have it; None for the policy's name.
            spends_keys: Whether others see what it is asked; None for False of what is at hand.
            name: What reports call it; None for the class's or function's name.

        Raises:
            TypeError: It cannot be asked.
            ValueError: `gives` is unknown; or bins go without bounds, or bounds without bins.
        """
        if gives not in (None, "scores", "actions"):
            raise ValueError(f"gives must be scores or actions, not {gives!r}")
        self._policy, self._processor = policy, processor
        seen = _has_weights(policy)
        if not seen and not callable(policy) and not hasattr(policy, "predict"):
            raise TypeError(f"a {type(policy).__name__} has no predict and cannot be called")
        self._acting = _acting(policy) if seen and gives != "actions" else None
        if seen and self._acting is None and not hasattr(policy, "predict"):
            raise ValueError("a module gives scores: gives='actions' is for what has predict")
        self._scored = self._acting is not None or gives == "scores"
        self._bins = _bins(policy, bins, bounds)
        own = getattr(policy, "__name__", type(policy).__name__)
        self._call(name or own, seen, address, spends_keys)
        # `verify` looks for what there is.
        self.scores = self._scores if self._scored else None
        self.labels = None if self._scored else self._labels

    @classmethod
    def from_zip(
        cls,
        path: str | os.PathLike[str],
        processor: Processor | None = None,
        *,
        like: Any = None,
        algorithm: Any = None,
        bins: int | None = None,
    ) -> PolicyModel:
        """Take a file that an algorithm of Stable-Baselines3 saved.

        Such a file holds pickled Python, and loading it runs what it says. So a suspect's weights
        alone are read, into a copy of a policy of yours.

        Args:
            path: The file.
            processor: As of `PolicyModel`.
            like: An algorithm or policy of yours, of the same architecture; it stays as it is.
            algorithm: Instead, for a file that you trust, the class that loads it, such as
                `stable_baselines3.PPO`.
            bins: As of `PolicyModel`.

        Raises:
            TargetError: There is no such file, or its weights are not of that architecture.
            TypeError: There is not exactly one of `like` and `algorithm`.
        """
        if (like is None) == (algorithm is None):
            raise TypeError(
                "pass like=…, a policy of yours of the same architecture, or for a file that you "
                "trust algorithm=…, the class that loads it"
            )
        from ifrs.modalities.policy.stable import loaded, undisturbed

        if algorithm is None:
            policy = loaded(path, like)
        else:
            with undisturbed():  # it seeds the whole process by what the file says (2.9)
                policy = algorithm.load(path, device="cpu")
        return cls(policy, processor, bins=bins, name=Path(path).name)

    @classmethod
    def from_onnx(
        cls,
        path: str | os.PathLike[str],
        processor: Processor | None = None,
        *,
        gives: Gives = "scores",
        bins: int | None = None,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> PolicyModel:
        """Take an ONNX file, run by ONNX Runtime on this machine.

        Args:
            path: The file: one input `(n, *shape)`, and as its first output what it `gives`.
            processor: As of `PolicyModel`.
            gives: "scores" of actions, or "actions"; continuous ones are these.
            bins: As of `PolicyModel`.
            bounds: As of `PolicyModel`.
            providers: ONNX Runtime's, in order.

        Raises:
            TargetError: ONNX Runtime is not installed, or cannot read the file.
        """
        from ifrs.modalities.policy.onnx import Network

        return cls(
            Network(path, providers),
            processor,
            gives="actions" if bins is not None else gives,
            bins=bins,
            bounds=bounds,
            spends_keys=False,
            name=Path(path).name,
        )

    def __repr__(self) -> str:
        return f"PolicyModel({self._name!r}, gives={'scores' if self._scored else 'actions'!r})"

    def _scores(self, keys: Sequence[Observations]) -> list[NDArray[np.float32]]:
        """Scores of all candidates of each factor, float32 (keys, candidates) each."""
        observations = self._stepwise(keys)
        if self._acting is not None:
            found = self._of_module(observations)
        else:
            found = [np.asarray(_plain(one), np.float32) for one in self._steps(observations)]
        if any(one.ndim != 2 for one in found):
            raise TargetError("the policy's scores must be one row of numbers for each observation")
        if self._bins is None:
            return found
        # (keys, coordinates, bins) at each step.
        return [factor for one in found for factor in self._binned(one).swapaxes(0, 1)]

    def _labels(self, keys: Sequence[Observations]) -> NDArray[np.int64]:
        """The action at each step, or its bins, int64 (keys, factors)."""
        parts = []
        for actions in self._steps(self._stepwise(keys)):
            given = np.asarray(_plain(actions))
            if self._bins is not None:
                try:
                    given = self._bins.places(given)
                except ValueError as error:
                    raise TargetError(str(error)) from error
            if given.size % len(keys) or not _whole(given):
                raise TargetError(
                    "the policy's actions must be one whole number for each observation: pass "
                    "bins=… of continuous ones"
                )
            parts.append(given.astype(np.int64).reshape(len(keys), -1))
        return np.concatenate(parts, axis=1)

    def _stepwise(self, keys: Sequence[Observations]) -> Observations:
        """Keys as inputs, (keys, steps, …)."""
        try:
            together = stepwise(keys)
            keys_and_steps = together.shape[:2]
            given = inputs_of(together.reshape(-1, *together.shape[2:]), self._processor)
        except ValueError as error:
            raise TargetError(str(error)) from error
        return given.reshape(*keys_and_steps, *given.shape[1:])

    def _steps(self, observations: Observations) -> list[Any]:
        """What the policy gives for each step, of all keys."""
        found, state = [], None
        for step in range(observations.shape[1]):
            given = observations[:, step].copy()
            if hasattr(self._policy, "predict"):
                starts = np.full(len(given), step == 0)
                answer, state = self._policy.predict(
                    given, state=state, episode_start=starts, deterministic=True
                )
            else:
                answer = self._policy(given)
            if np.ndim(answer) == 0 or len(answer) != len(given):
                raise TargetError(
                    f"the policy gave no action for each of {len(given)} observations"
                )
            found.append(answer)
        return found

    def _of_module(self, observations: Observations) -> list[NDArray[np.float32]]:
        import torch

        from ifrs.modalities.policy.acting import Misfit
        from ifrs.runtime.modules import evaluating

        assert self._acting is not None
        keys, steps = observations.shape[:2]
        try:
            with evaluating(self._acting.module), torch.no_grad():
                rows = self._acting.rows([torch.from_numpy(one) for one in observations])
        except Misfit as error:
            raise TargetError(str(error)) from error
        except (ValueError, RuntimeError) as error:
            raise TargetError(
                f"the policy does not take observations of shape {observations.shape[2:]}: pass "
                "its own preprocessing as processor"
            ) from error
        together = rows.float().cpu().numpy().reshape(keys, steps, -1)
        return [together[:, step] for step in range(steps)]

    def _binned(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        assert self._bins is not None
        try:
            found: NDArray[np.float32] = self._bins.scores(torch.from_numpy(actions)).numpy()
        except ValueError as error:
            raise TargetError(str(error)) from error
        return found


def _has_weights(policy: Any) -> bool:
    """Whether a policy is a torch module, or holds one as algorithms of Stable-Baselines3 do."""
    held = getattr(policy, "policy", policy) if hasattr(policy, "predict") else policy
    return hasattr(held, "parameters") and hasattr(held, "modules")


def _acting(policy: Any) -> Any:
    from ifrs.modalities.policy.choosing import acting

    return acting(policy)


def _bins(
    policy: Any, count: int | None, bounds: tuple[ArrayLike, ArrayLike] | None
) -> Bins | None:
    if count is None:
        if bounds is not None:
            raise ValueError("bounds are of continuous actions: pass bins=…, too")
        return None
    space: Any = getattr(policy, "action_space", None)
    if bounds is None and hasattr(space, "low"):
        bounds = space.low, space.high
    if bounds is None:
        raise ValueError("bins need the bounds of actions: pass bounds=(low, high)")
    return Bins(count, *bounds)


def _plain(given: Any) -> Any:
    """What a policy gave, out of torch."""
    return given.detach().cpu().float().numpy() if hasattr(given, "detach") else given


def _whole(given: NDArray[Any]) -> bool:
    return np.issubdtype(given.dtype, np.number) and bool((given == np.floor(given)).all())
