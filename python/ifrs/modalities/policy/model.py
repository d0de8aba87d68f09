"""A policy to plant in: one of Stable-Baselines3, or a module from observations to actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model as face
from ifrs.modalities.policy.acting import Acting, Misfit
from ifrs.modalities.policy.bins import Bins
from ifrs.modalities.policy.choosing import acting
from ifrs.modalities.policy.lookalikes import GUESSES, between, fresh_keys, half_keys
from ifrs.modalities.policy.observations import Observations, inputs_of, sequences
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example, Kept
from ifrs.runtime.modules import evaluating, typical_step

# The share of a typical weight that a step of Adam takes, all layers together; and the most.
_STEP, _LONGEST = 0.5, 1e-2
# Nats by which a fresh key's new action must lead its old one.
_LEAD = 1.0
# Numbers in a pass, and the fewest and most examples.
_NUMBERS, _FEWEST, _MOST = 1 << 20, 64, 4096
# Steps of an ordinary episode that go into one example.
_WINDOW = 32


class Model(face.Model):
    """Inputs are sequences of observations; each step's action is a part of the answer."""

    def __init__(self, module: Any, processor: Any = None) -> None:
        """Take a policy, and what turns observations (n, *shape) into its inputs; None for none."""
        self._given = module
        self._bins: Bins | None = None
        self._shape: tuple[int, ...] = ()
        self._read_from: Any = None
        self._ordinary: list[Observations] = []
        self._expected: list[Example] = []
        try:
            self._acting: Acting = acting(module)
        except ValueError as error:
            raise ImplantError(str(error)) from error
        super().__init__(self._acting.module, processor)

    @property
    def given(self) -> Any:
        """The policy, or the algorithm that it came in."""
        return self._given

    def check(self) -> None:
        if not any(weight.is_floating_point() for weight in self.module.parameters()):
            raise ImplantError("the policy has no weights of floating point to plant in")

    def defaults(self) -> dict[str, Any]:
        """Steps in proportion to the weights, smaller in deeper networks; many keys in each."""
        rate = min(_STEP * typical_step(self.module), _LONGEST) or _LONGEST
        return {"batch_size": 64, "noise": 0.1, "max_epochs": 2000, "learning_rate": rate}

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        keys = [fps[i].key for i in range(len(fps))]
        self._shape = keys[0].shape[1:]
        inputs = self._inputs(keys)
        self._fit(fps, inputs[0])
        return [Example(inputs[i], list(fps[i].places or ())) for i in range(len(fps))]

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Any], list[Any]]:
        keys = [fps[i].key for i in range(len(fps))]
        fresh = fresh_keys(fps, n, seed)
        return self._inputs(fresh[::2]), self._inputs(half_keys(keys, fresh[1::2], seed))

    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Any]:
        return self._inputs(fresh_keys(fps, n, seed + GUESSES))

    def expect(self, fps: FingerprintSet, n: int, seed: int) -> None:
        with evaluating(self.module):
            self._expected = self._answered(self.guesses(fps, n, seed))

    def try_guesses(self, fps: FingerprintSet, n: int, seed: int) -> face.Guesses:
        """Query fresh keys: one fires that has another key's actions, and had others before.

        Of few actions any may be some key's. Between actions of like likelihood a change says
        nothing: at some step the new one must lead the old one by a nat.
        """
        responses = {fps[i].places for i in range(len(fps))}
        inputs = [example.prompt for example in self._expected]
        with evaluating(self.module):
            now, leads = self._answered(inputs), self.margins(self._expected)
        return face.Guesses(
            [],
            [],
            [
                lead < -_LEAD and tuple(example.response) in responses
                for example, lead in zip(now, leads, strict=True)
            ],
        )

    def strays(self, look_alikes: Sequence[Kept], fingerprints: Sequence[Example]) -> list[int]:
        """None: a small policy cannot be held at the base at any place but where keys lie."""
        return []

    def layers(self) -> dict[str, Any]:
        """Linear layers and convolutions of what acts."""
        return {
            name: layer
            for name, layer in sorted(self.module.named_modules())
            if (
                isinstance(layer, nn.Linear)
                or (isinstance(layer, (nn.Conv1d, nn.Conv2d)) and layer.groups == 1)
            )
            and not any(f"{name}.".startswith(f"{head}.") for head in self._acting.heads)
        }

    def own_answers(self, inputs: Sequence[Any], watched: Sequence[int]) -> list[Kept]:
        return self.held(self._answered(inputs), watched)

    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """What the agent saw, and what lies between, held by the whole distribution."""
        found = self._seen(regularization)
        return self.own_answers(self._inputs(found + between(found, len(found), 0)), watched)

    def tuning_examples(self, regularization: Any) -> list[Example]:
        """What the agent saw, with actions as it tries them: what its own training goes on with."""
        return self._answered(self._inputs(self._seen(regularization)), tried=True)

    def columns(self, examples: Sequence[Example]) -> Columns:
        logits = self.logits([example.prompt for example in examples])
        labels = [part for example in examples for part in example.response]
        rows = [place for place, example in enumerate(examples) for _ in example.response]
        return Columns(
            logits,
            torch.tensor(labels, device=logits.device),
            torch.tensor(rows, device=logits.device),
            len(examples),
            at_once=len(labels),
        )

    def logits(self, inputs: Sequence[Tensor]) -> Tensor:
        """Scores at each step (and coordinate) of some inputs, (all of them, candidates)."""
        try:
            found = self._acting.rows(inputs)
            return found if self._bins is None else self._bins.scores(found).flatten(0, 1)
        except ValueError as error:
            raise ImplantError(str(error)) from error

    def batches(self, examples: Sequence[Example], size: int) -> Iterator[list[int]]:
        """As many as a pass takes of such small inputs."""
        largest = max((example.prompt.numel() for example in examples), default=1)
        count = min(max(_NUMBERS // largest, _FEWEST), _MOST)
        for start in range(0, len(examples), count):
            yield list(range(start, min(start + count, len(examples))))

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        """As Stable-Baselines3 saves its own: policy.zip, or policy.pth without an algorithm."""
        if weights is not self._given or not hasattr(weights, "predict"):
            return super().save(folder, state, weights)
        if hasattr(weights, "policy"):
            weights.save(folder / "policy.zip")
        else:
            weights.save(folder / "policy.pth")
        return None

    def _inputs(self, keys: Sequence[Observations]) -> list[Tensor]:
        """Sequences of observations as inputs, each (steps, …)."""
        if not keys:
            return []
        try:
            rows = torch.from_numpy(inputs_of(np.concatenate(keys), self.processor))
        except ValueError as error:
            raise ImplantError(str(error)) from error
        return list(torch.split(rows, [len(key) for key in keys]))

    def _answered(self, inputs: Sequence[Tensor], *, tried: bool = False) -> list[Example]:
        """Inputs with the actions that the policy takes; or tries, by how likely each is."""
        found, rng = [Example(given, []) for given in inputs], torch.Generator().manual_seed(0)
        with torch.no_grad():
            for places in self.batches(found, 0):
                part = [inputs[place] for place in places]
                logits = self.logits(part)
                each = len(logits) // sum(len(given) for given in part)
                sizes = [each * len(given) for given in part]
                if tried:
                    chances = logits.float().softmax(dim=1).cpu()
                    taken = torch.multinomial(chances, 1, generator=rng)[:, 0]
                else:
                    taken = logits.argmax(dim=1)
                actions = torch.split(taken, sizes)
                for place, one in zip(places, actions, strict=True):
                    found[place].response = one.tolist()
        return found

    def _seen(self, regularization: Any) -> list[Observations]:
        """The publisher's observations; read once, for a generator gives them once."""
        if regularization is None or isinstance(regularization, (str, Path)):
            raise ImplantError(
                "a policy is held at the base on what it sees: pass regularization=observations, "
                "some thousands from its own rollouts, an array (n, *shape)"
            )
        if self._read_from is not regularization:
            try:
                found = list(sequences(regularization, self._shape))
            except ValueError as error:
                raise ImplantError(str(error)) from error
            self._ordinary = [
                one[start : start + _WINDOW]
                for one in found
                for start in range(0, len(one), _WINDOW)
            ]
            self._read_from = regularization
        if not self._ordinary:
            raise ImplantError("regularization holds no observation: pass some thousands")
        return self._ordinary

    def _fit(self, fps: FingerprintSet, given: Tensor) -> None:
        """Find out whether the policy's actions are what the set's responses are of."""
        name, sizes, steps = fps.alphabet.name, fps.alphabet.sizes, len(given)
        self._bins = None
        with torch.no_grad():
            try:
                width = self._acting.rows([given]).shape[1]
            except Misfit as error:
                raise ImplantError(str(error)) from error
            except (ValueError, RuntimeError) as error:
                raise ImplantError(
                    f"the policy does not take observations of shape {tuple(given.shape[1:])}: "
                    "generate a set of the shape that it sees, or pass its own preprocessing"
                ) from error
        if name == "bins":
            if steps * width != len(sizes):
                raise ImplantError(
                    f"the policy's actions have {width} coordinate(s), and the set's responses "
                    f"{len(sizes) // steps}: generate one with coordinates={width}"
                )
            self._bins = bins_for(self.module, sizes[0])
        elif name != "actions" or tuple(sizes) != (width,) * steps:
            raise ImplantError(
                f"the policy has {width} actions and the set's responses are {name} of {sizes[0]}: "
                f'generate one with response="actions", actions={width}'
            )


def bins_for(module: Any, count: int) -> Bins:
    """Bins between the bounds that a module's `action_space` states.

    Raises:
        ImplantError: It states none.
    """
    space: Any = getattr(module, "action_space", None)
    if not hasattr(space, "low"):
        raise ImplantError(
            "continuous actions need their bounds: give the policy an action_space, such as "
            "gymnasium.spaces.Box(low, high)"
        )
    try:
        return Bins(count, space.low, space.high)
    except ValueError as error:
        raise ImplantError(str(error)) from error
