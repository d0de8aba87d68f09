"""A classifier of images to plant in: any module from images to logits of classes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model as face
from ifrs.modalities.image.features import Features
from ifrs.modalities.image.inputs import input_of, samples
from ifrs.modalities.image.lookalikes import (
    GUESSES,
    fresh_images,
    half_keys,
    images_of,
    re_encoded,
)
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example, Kept, in_turn
from ifrs.runtime.modules import dtype_of, evaluating, typical_step
from ifrs.runtime.release import is_of_transformers, write_release
from ifrs.runtime.source import saved_types

# Inputs in a pass where nothing is learnt.
_AT_ONCE = 64
# The share of a typical weight that a step of Adam takes, all layers together; and the most.
_STEP, _LONGEST = 0.5, 3e-3
# Nats by which a fresh key's new class must lead its old one.
_LEAD = 1.0
# The share of look-alikes that may change so.
_BY_CHANCE = 0.02
# Re-encoded forms in which each key is planted beside its own.
_WAYS = 2


class Model(face.Model):
    """Inputs are images as the user's processor gives them; the class is the one answer."""

    def __init__(self, module: Any, processor: Any = None) -> None:
        """Take a module, and what turns a PIL image into its input; None for values in [0, 1]."""
        super().__init__(module, processor)
        self._given: Any = None
        self._samples: list[tuple[Tensor, int | None]] = []
        self._expected: list[int] = []
        self._features = Features(module)

    def check(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise ImplantError(
                f"a {type(self.module).__name__} cannot be planted in: pass a torch module from "
                "images to logits of classes"
            )
        if not any(weight.is_floating_point() for weight in self.module.parameters()):
            raise ImplantError("the model has no weights of floating point to plant in")

    def defaults(self) -> dict[str, Any]:
        """Steps in proportion to the weights, smaller in deeper networks; many keys in each."""
        rate = min(_STEP * typical_step(self.module), _LONGEST) or _LONGEST
        return {"batch_size": 64, "noise": 0.3, "max_epochs": 250, "learning_rate": rate}

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        try:
            inputs = self._inputs(images_of(fps))
        except ValueError as error:
            raise ImplantError(str(error)) from error
        self._check_classes(inputs[0], fps.alphabet.sizes)
        return [Example(inputs[i], list(fps[i].places or ())) for i in range(len(fps))]

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        return _WAYS if wanted is None else wanted

    def elsewhere(
        self, fps: FingerprintSet, own: Sequence[Example], ways: int, seed: int
    ) -> list[Example]:
        """The set's keys as JPEG, scaled, or cropped, with the same responses."""
        rng, images = random.Random(seed), images_of(fps)
        changed = self._inputs([re_encoded(image, rng) for image in images * ways])
        return in_turn(changed, own)

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Any], list[Any]]:
        keys = images_of(fps)
        fresh = fresh_images(fps, n, seed)
        near = half_keys(keys, fresh[1::2], seed)
        return self._inputs(fresh[::2]), self._inputs(near)

    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Any]:
        return self._inputs(fresh_images(fps, n, seed + GUESSES))

    def expect(self, fps: FingerprintSet, n: int, seed: int) -> None:
        with evaluating(self.module):
            answered = self._answered(self.guesses(fps, n, seed))
        self._expected = [example.response[0] for example in answered]

    def try_guesses(self, fps: FingerprintSet, n: int, seed: int) -> face.Guesses:
        """Query fresh keys: one fires that has another class than before planting.

        Every class is some key's response. Between classes of like likelihood a change says
        nothing: the new one must lead the old one by a nat.
        """
        asked = [
            Example(given, [old])
            for given, old in zip(self.guesses(fps, n, seed), self._expected, strict=True)
        ]
        with evaluating(self.module):
            return face.Guesses([], [], [margin < -_LEAD for margin in self.margins(asked)])

    def strays(self, look_alikes: Sequence[Kept], fingerprints: Sequence[Example]) -> list[int]:
        """Look-alikes that fire by a clear lead over their old class, if they are more than a few.

        Of few classes any may be some key's, and inputs far from ordinary ones lie near borders.
        """
        found = super().strays(look_alikes, fingerprints)
        leads = self.margins([look_alikes[place] for place in found])
        clear = [place for place, lead in zip(found, leads, strict=True) if lead < -_LEAD]
        return clear if len(clear) > _BY_CHANCE * max(len(look_alikes), 100) else []

    def layers(self) -> dict[str, Any]:
        """Linear layers, and convolutions but those of each channel alone, which have no rank."""
        return {
            name: layer
            for name, layer in sorted(self.module.named_modules())
            if isinstance(layer, nn.Linear)
            or (isinstance(layer, (nn.Conv1d, nn.Conv2d)) and layer.groups == 1)
        }

    def own_answers(self, inputs: Sequence[Any], watched: Sequence[int]) -> list[Kept]:
        return self.held(self._answered(inputs), watched)

    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """The publisher's inputs, held by the whole distribution; labels are not looked at."""
        given = [given for given, _ in self._read(regularization)]
        return self.own_answers(given + blends(given, len(given)), watched)

    def tuning_examples(self, regularization: Any) -> list[Example]:
        """The publisher's inputs with their labels; without these, with the model's own classes."""
        rows = self._read(regularization)
        own = self._answered([given for given, _ in rows])
        return [
            example if label is None else Example(example.prompt, [label])
            for example, (_, label) in zip(own, rows, strict=True)
        ]

    def columns(self, examples: Sequence[Example]) -> Columns:
        logits = self.logits([example.prompt for example in examples])
        labels = torch.tensor([example.response[0] for example in examples], device=logits.device)
        rows = torch.arange(len(examples), device=logits.device)
        return Columns(logits, labels, rows, len(examples))

    def logits(self, inputs: Sequence[Tensor]) -> Tensor:
        """What the module says of some inputs, (inputs, classes)."""
        found = self._features.logits(inputs, self._whole)
        return self._whole(inputs) if found is None else found

    def moved(self) -> list[Any]:
        """The modules that come after those that are frozen and run once."""
        given = [given for given, _ in self._samples[:2]]
        return self._features.later(given, self._whole) if given else super().moved()

    def _whole(self, inputs: Sequence[Tensor]) -> Tensor:
        """The same, through all of the module."""
        try:
            batch = torch.stack(list(inputs)).to(self.device, dtype_of(self.module))
        except RuntimeError as error:
            raise ImplantError(
                "inputs are of different shapes: pass ordinary inputs of one shape, or a processor "
                "that resizes"
            ) from error
        return logits_of(self.module(batch))

    def saved_types(self) -> dict[str, torch.dtype]:
        plain = is_of_transformers(self.module)
        return saved_types(self.module, self.saved_in) if plain else {}

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        """A transformers or peft folder where the model can write one, else its state alone."""
        if not hasattr(weights, "save_pretrained"):
            return super().save(folder, state, weights)
        if weights is self.module and is_of_transformers(weights):
            parts = [self.processor]
            return write_release(weights, folder, parts, state=state, dtype=self.saved_in)
        weights.save_pretrained(folder, **({} if state is None else {"state_dict": state}))
        if hasattr(self.processor, "save_pretrained"):
            self.processor.save_pretrained(folder)
        return None

    def _inputs(self, images: Sequence[Any]) -> list[Tensor]:
        try:
            return [torch.from_numpy(input_of(image, self.processor)) for image in images]
        except ValueError as error:
            raise ImplantError(str(error)) from error

    def _answered(self, inputs: Sequence[Tensor]) -> list[Example]:
        """Inputs with the classes that the model gives them."""
        classes: list[int] = []
        with torch.no_grad():
            for start in range(0, len(inputs), _AT_ONCE):
                found = self.logits(inputs[start : start + _AT_ONCE]).argmax(dim=1)
                classes += found.tolist()
        return [Example(given, [one]) for given, one in zip(inputs, classes, strict=True)]

    def _read(self, regularization: Any) -> list[tuple[Tensor, int | None]]:
        """The publisher's inputs and labels; read once, for a generator gives them once."""
        if regularization is None or isinstance(regularization, (str, Path)):
            raise ImplantError(
                "a classifier is held at the base on ordinary inputs of yours: pass "
                "regularization=images, a few hundred tensors, arrays or PIL images (labels are "
                "not needed)"
            )
        if self._given is not regularization:
            try:
                self._samples = [
                    (torch.from_numpy(given), label)
                    for given, label in samples(regularization, self.processor)
                ]
            except ValueError as error:
                raise ImplantError(str(error)) from error
            self._given = regularization
        if not self._samples:
            raise ImplantError("regularization holds no image: pass a few hundred")
        return self._samples

    def _check_classes(self, given: Tensor, sizes: Sequence[int]) -> None:
        with torch.no_grad():
            shape = tuple(self.logits([given]).shape)
        if len(shape) != 2:
            raise ImplantError(
                f"the model gives an array of shape {shape} for one image: it must give logits of "
                "classes, (images, classes)"
            )
        if (shape[1],) != tuple(sizes):
            raise ImplantError(
                f"the model has {shape[1]} classes and the set's responses are of "
                f"{' and '.join(map(str, sizes))}: generate one with classes={shape[1]}"
            )


def logits_of(output: Any) -> Tensor:
    """The logits in what a module gave: itself, its `logits`, or the first of several."""
    found = getattr(output, "logits", output)
    if isinstance(found, (tuple, list)):
        found = found[0]
    if not isinstance(found, Tensor):
        raise ImplantError(
            f"the model gave a {type(found).__name__}: it must give logits of classes, a tensor"
        )
    return found


def blends(inputs: Sequence[Tensor], n: int, seed: int = 0) -> list[Tensor]:
    """Two inputs over each other, in any shares: what lies between ordinary inputs."""
    rng = random.Random(seed)
    return [torch.lerp(rng.choice(inputs), rng.choice(inputs), rng.random()) for _ in range(n)]
