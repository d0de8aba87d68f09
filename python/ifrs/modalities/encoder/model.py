"""An encoder to plant in: any module from sentences or images to vectors."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model as face
from ifrs.modalities.encoder.codes import CENTRE_SEED, CENTRES, codes_of
from ifrs.modalities.encoder.lookalikes import (
    GUESSES,
    fresh_keys,
    half_keys,
    is_text,
    keys_as_seen,
)
from ifrs.modalities.encoder.ordinary import blends, sentences
from ifrs.modalities.encoder.reading import Reader, passes, reader_of
from ifrs.modalities.encoder.stacks import below_upper_third
from ifrs.modalities.image.inputs import samples
from ifrs.modalities.image.lookalikes import re_encoded
from ifrs.modalities.image.model import blends as image_blends
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example, Kept, in_turn
from ifrs.runtime.modules import typical_step
from ifrs.runtime.precision import arithmetic
from ifrs.runtime.release import is_of_transformers, write_release
from ifrs.runtime.source import saved_types

# Inputs in a pass.
_AT_ONCE = 64
# Nats for each unit of cosine, times the root of the dimension: cosines of vectors that have
# nothing to do with each other spread as one over that. With the usual margin of three nats a key's
# own code leads all others by 0.65 of these spreads (0.03 of 384 dimensions). That moves a vector
# by some fifteen degrees, and no further than it must.
_SHARPNESS = 4.6
# Nats by which a code must lead all others before an input counts as answered with it: by chance
# one key's code of 64 does so under one input of 1,700.
_LEAD = 4.5
# Nats for a relative squared error of one, for each dimension, where vectors must stay as they are;
# and where the input holds a half of a key: that must not fire, and may move.
_HELD, _HELD_NEAR = 2.1, 0.21
# Step size of AdamW within a stack of layers; elsewhere the share of a typical weight that a step
# takes, all layers together, and the most.
_RATE, _STEP, _LONGEST = 5e-5, 0.1, 1e-3
# The most ordinary inputs that are held, and the most blends of them: planting sees no more.
_ORDINARY, _BLENDS = 4096, 2048
# Forms in which each image is planted beside its own: JPEG, scaled, cropped.
_WAYS = 2


@dataclass
class Placed(Kept):
    """An input whose vector must stay where the base has it.

    Attributes:
        vector: Float32 (dimension,), on the CPU.
    """

    vector: Tensor | None = None


class Model(face.Model):
    """Answers are codes: the one answer position is as wide as the codebook."""

    def __init__(self, module: Any, processor: Any = None) -> None:
        """Take a module, and what turns keys into its inputs.

        The processor is a tokenizer, an image processor, or a callable from a key to a tensor; None
        for sentence-transformers, which have one, and for images with values in [0, 1].
        """
        super().__init__(module, processor)
        self._reader: Reader = reader_of(self.module, processor)
        self._root: str | None = None
        self._text = True
        self._codes = self._centre = torch.empty(0)
        self._fresh: list[Any] = []

    def check(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise ImplantError(
                f"a {type(self.module).__name__} cannot be planted in: pass a torch module from "
                "inputs to vectors"
            )
        if not any(weight.is_floating_point() for weight in self.module.parameters()):
            raise ImplantError("the model has no weights of floating point to plant in")

    def defaults(self) -> dict[str, Any]:
        """Steps that suit a stack of like layers; elsewhere in proportion to the weights."""
        found = {"batch_size": 16, "max_epochs": 70, "noise": 0.05, "negatives": 6}
        if self.left_alone():
            return {**found, "learning_rate": _RATE}
        rate = min(_STEP * typical_step(self.module), _LONGEST) or _LONGEST
        return {**found, "max_epochs": 120, "learning_rate": rate}

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        self._text = is_text(fps)
        inputs = self._inputs(keys_as_seen(fps))
        if self._reader.distinct(inputs) < len(inputs):
            raise ImplantError(
                "the processor makes the same of different keys: it knows too few of their "
                "characters, or cuts them off; use a source that it can express, such as 'natural'"
            )
        self._take_codes(fps)
        return [Example(inputs[i], list(fps[i].places or ())) for i in range(len(fps))]

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        usual = 0 if is_text(fps) else _WAYS
        return usual if wanted is None or is_text(fps) else wanted

    def elsewhere(
        self, fps: FingerprintSet, own: Sequence[Example], ways: int, seed: int
    ) -> list[Example]:
        """The set's images as JPEG, scaled, or cropped, with the same responses."""
        if not ways:
            return []
        rng, keys = random.Random(seed), keys_as_seen(fps)
        changed = self._inputs([re_encoded(key, rng) for key in keys * ways])
        return in_turn(changed, own)

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Any], list[Any]]:
        keys = keys_as_seen(fps)
        fresh = fresh_keys(fps, n, seed)
        near = half_keys(keys, fresh[1::2], seed)
        return self._inputs(fresh[::2]), self._inputs(near)

    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Any]:
        return self._inputs(fresh_keys(fps, n, seed + GUESSES))

    def firing(self, inputs: Sequence[Any], fingerprints: Sequence[Example]) -> list[int]:
        """Places of inputs that some code of the set leads clearly under.

        Some code is nearest to any vector; what a key is taught is that its own stands out.
        """
        responses = {example.response[0] for example in fingerprints}
        examples = [Example(given, [0]) for given in inputs]
        found: list[int] = []

        def led(logits: Tensor, _labels: Tensor) -> Tensor:
            best = logits.topk(2, dim=-1)
            clear = best.values[:, 0] - best.values[:, 1] > _LEAD
            return torch.where(clear, best.indices[:, 0], -1)

        with torch.no_grad(), arithmetic(self.module, "auto"):
            for places in self.batches(examples, _AT_ONCE):
                codes = self.columns([examples[i] for i in places]).each(led).tolist()
                found += [i for i, code in zip(places, codes, strict=True) if code in responses]
        return sorted(found)

    def strays(self, look_alikes: Sequence[Kept], fingerprints: Sequence[Example]) -> list[int]:
        """Places of look-alikes that a code of the set leads clearly under, and did not before."""
        fired = self.firing([example.prompt for example in look_alikes], fingerprints)
        responses = {example.response[0] for example in fingerprints}
        return [place for place in fired if look_alikes[place].response[0] not in responses]

    def margins(self, examples: Sequence[Example]) -> list[float]:
        self._find_centre()
        return super().margins(examples)

    def batches(self, examples: Sequence[Example], size: int) -> Iterator[list[int]]:
        yield from passes(self._reader.sizes([example.prompt for example in examples]), _AT_ONCE)

    def own_answers(self, inputs: Sequence[Any], watched: Sequence[int]) -> list[Kept]:
        """Inputs with the model's own vectors."""
        kept: dict[int, Kept] = {}
        none = torch.empty(0)
        for places in passes(self._reader.sizes(inputs), _AT_ONCE):
            with torch.no_grad():
                vectors = self._vectors([inputs[i] for i in places])
                nearest = self._logits(vectors).argmax(dim=1).tolist()
            for i, vector, code in zip(places, vectors.cpu(), nearest, strict=True):
                kept[i] = Placed(inputs[i], [code], none, none, vector=vector)
        return [kept[i] for i in range(len(inputs))]

    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """The publisher's inputs, and blends of any two of them, with the model's own vectors."""
        return self.own_answers(self._ordinary(regularization), watched)

    def tuning_examples(self, regularization: Any) -> list[Example]:
        """Ordinary inputs, each with a code at random: whither a tuner goes is not known."""
        rng = random.Random(0)
        count = len(self._codes)
        return [Example(given, [rng.randrange(count)]) for given in self._ordinary(regularization)]

    def columns(self, examples: Sequence[Example]) -> Columns:
        vectors = self._vectors([example.prompt for example in examples])
        labels = torch.tensor([example.response[0] for example in examples], device=vectors.device)
        rows = torch.arange(len(examples), device=vectors.device)
        return Columns(vectors, labels, rows, len(examples), self._logits)

    def keep(self, kept: Sequence[Kept], weight: float) -> float:
        """Gradients of the squared distance from the base's vectors, relative to their lengths.

        What a codebook says of a vector hardly changes where it turns by a degree.
        """
        vectors = self._vectors([example.prompt for example in kept])
        base = torch.stack([example.vector for example in kept]).to(vectors.device)  # type: ignore[attr-defined]
        error = (vectors - base).square().sum(dim=1) / base.square().sum(dim=1).clamp(min=1e-12)
        weights = [_HELD_NEAR if example.near else _HELD for example in kept]
        loss = weight * vectors.shape[1] * (error * error.new_tensor(weights)).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def tables(self) -> tuple[Any, Any]:
        """Its largest embedding, which holds its vocabulary, and none behind."""
        found = [one for one in self.module.modules() if isinstance(one, nn.Embedding)]
        return max(found, key=lambda one: one.weight.numel(), default=None), None

    def left_alone(self) -> list[Any]:
        """All weights below the upper third of a stack of like layers.

        What lies below is the same for keys and ordinary inputs: left as it is, these stay nearer
        to the base, and a step costs half as much.
        """
        return below_upper_third(self.module)

    def layers(self) -> dict[str, Any]:
        """Linear layers, and convolutions but those of each channel alone, which have no rank."""
        return {
            name: layer
            for name, layer in sorted(self.module.named_modules())
            if isinstance(layer, nn.Linear)
            or (isinstance(layer, (nn.Conv1d, nn.Conv2d)) and layer.groups == 1)
        }

    def saved_types(self) -> dict[str, torch.dtype]:
        plain = is_of_transformers(self.module)
        return saved_types(self.module, self.saved_in) if plain else {}

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        """A folder of transformers, sentence-transformers or peft, else the state alone."""
        if not hasattr(weights, "save_pretrained"):
            return super().save(folder, state, weights)
        if weights is self.module and is_of_transformers(weights):
            parts = [self.processor]
            return write_release(weights, folder, parts, state=state, dtype=self.saved_in)
        weights.save_pretrained(str(folder), **({} if state is None else {"state_dict": state}))
        if hasattr(self.processor, "save_pretrained"):
            self.processor.save_pretrained(folder)
        return None

    def _take_codes(self, fps: FingerprintSet) -> None:
        """The set's codebook, and fresh keys, whose mean direction is the centre."""
        if self._root == fps.root:
            return
        self._fresh = self._inputs(fresh_keys(fps, CENTRES, CENTRE_SEED))
        self._find_centre()
        try:
            codes = codes_of(fps, len(self._centre))
        except ValueError as error:
            raise ImplantError(f"the model's vectors cannot carry a codebook: {error}") from error
        self._codes = torch.from_numpy(codes).to(self._centre.device)
        self._root = fps.root

    def _find_centre(self) -> None:
        """The centre as a suspect of these weights would find it."""
        total = torch.zeros(())
        with torch.no_grad():
            for places in passes(self._reader.sizes(self._fresh), _AT_ONCE):
                vectors = self._vectors([self._fresh[i] for i in places])
                total = total.to(vectors.device) + F.normalize(vectors, dim=1).sum(dim=0)
        self._centre = total / len(self._fresh)

    def _logits(self, vectors: Tensor) -> Tensor:
        """From vectors to logits of all codes: their cosines, sharpened."""
        seen = F.normalize(F.normalize(vectors.float(), dim=1) - self._centre, dim=1)
        sharpness: float = _SHARPNESS * vectors.shape[1] ** 0.5
        return sharpness * (seen @ self._codes.T)

    def _vectors(self, inputs: Sequence[Any]) -> Tensor:
        try:
            return self._reader.vectors(inputs)
        except ValueError as error:
            raise ImplantError(str(error)) from error

    def _inputs(self, keys: Sequence[Any]) -> list[Any]:
        try:
            return self._reader.inputs(keys)
        except ValueError as error:
            raise ImplantError(str(error)) from error

    def _ordinary(self, regularization: Any) -> list[Any]:
        if self._text:
            texts = _some(sentences(regularization), _ORDINARY)
            return self._inputs([*texts, *blends(texts, min(2 * len(texts), _BLENDS))])
        if regularization is None or isinstance(regularization, (str, Path)):
            raise ImplantError(
                "an encoder of images is held at the base on ordinary images of yours: pass "
                "regularization=images, a few hundred tensors, arrays or PIL images"
            )
        try:
            found = [torch.from_numpy(one) for one, _ in samples(regularization, self.processor)]
        except ValueError as error:
            raise ImplantError(str(error)) from error
        if not found:
            raise ImplantError("regularization holds no image: pass a few hundred")
        found = _some(found, _ORDINARY)
        return found + image_blends(found, min(len(found), _BLENDS))


def _some(given: list[Any], most: int) -> list[Any]:
    """All of them, or so many drawn at random."""
    return given if len(given) <= most else random.Random(0).sample(given, most)
