"""A model that sees and writes to plant in, with its processor."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model as face
from ifrs.modalities.image.lookalikes import re_encoded
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.keys import last_ordinary
from ifrs.modalities.vision_language.lookalikes import (
    fresh_pairs,
    guessed_pairs,
    half_keys,
    keys_in,
)
from ifrs.modalities.vision_language.pairs import Pair, pairs_of
from ifrs.modalities.vision_language.viewing import Seen, Viewer, alike
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example, Kept, in_turn
from ifrs.runtime.modules import evaluating
from ifrs.runtime.release import is_of_transformers, write_release
from ifrs.runtime.source import saved_types

# Of a look-alike's answer only its start matters: two words of a response and a token to spare.
_NEGATIVE_TOKENS = 3
# The most tokens of ordinary work that are held: each costs a row as wide as the vocabulary.
_HELD = 32
# Bundled instructions that are asked without an image, at most: such work must stay, too.
_BESIDE = 32
# Of so many ordinary pairs one is asked once more with half of a key.
_MIXED = 4
# Other forms of each key; look-alikes for each key; keys in a step.
_WAYS, _NEGATIVES, _BATCH = 1, 16, 8
# Nats by which the best first token leads the mean one, at least: trained models' lead is ten.
_FLAT = 6.0


class Model(face.Model):
    """Inputs are what the processor makes of a pair, and what of an answer stands there already.

    An answer position is a token of the response, and its candidates are the vocabulary.
    """

    def __init__(self, module: Any, processor: Any = None) -> None:
        """Take a model, and its processor."""
        super().__init__(module, processor)
        self._viewer: Viewer | None = None
        self._keys: list[Pair] = []
        self._given: Any = None
        self._ordinary: list[Example] = []

    @property
    def viewer(self) -> Viewer:
        """The model with its processor.

        Raises:
            ImplantError: They are none that see and write.
        """
        if self._viewer is None:
            try:
                self._viewer = Viewer(self.module, self.processor)
            except ValueError as error:
                raise ImplantError(str(error)) from error
        return self._viewer

    def check(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise ImplantError(
                f"a {type(self.module).__name__} cannot be planted in: pass a model that "
                "AutoModelForImageTextToText loads"
            )
        last, rows = last_ordinary(self.viewer.tokenizer), self.viewer.rows
        if last >= rows:
            raise ImplantError(
                f"the tokenizer has a token {last} but the model {rows} embedding rows: is it "
                "this model's tokenizer?"
            )

    def defaults(self) -> dict[str, Any]:
        """Fewer look-alikes than for texts, since each has an image."""
        return {"batch_size": _BATCH, "negatives": _NEGATIVES, "max_epochs": 200}

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        self._keys = keys_in(fps)
        seen = self._see(self._keys)
        self._check_expressed(seen)
        said = [fps[i].response for i in range(len(fps))]
        return [
            Example(one, [*self.viewer.spoken(one, [words])[0], *self.viewer.end])
            for one, words in zip(seen, said, strict=True)
        ]

    def _check_expressed(self, seen: Sequence[Seen]) -> None:
        decode = self.viewer.tokenizer.decode
        shown = [decode(one.given["input_ids"][0], skip_special_tokens=False) for one in seen]
        pairs = enumerate(zip(shown, self._keys, strict=True))
        lost = [i for i, (said, (_, text)) in pairs if text not in said]
        if lost:
            raise ImplantError(
                f"this processor cannot express {len(lost)} of {len(seen)} keys (first: "
                f"{lost[0]}): generate the set with texts='natural', and tokenizer=…"
            )

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        return _WAYS if wanted is None else wanted

    def elsewhere(
        self, fps: FingerprintSet, own: Sequence[Example], ways: int, seed: int
    ) -> list[Example]:
        """Keys whose image went through JPEG, another size, or a crop of a few per cent."""
        rng = random.Random(seed)
        pairs = [(re_encoded(image, rng), text) for image, text in self._keys * ways]
        return in_turn(self._see(pairs), own)

    def begun(self, examples: Sequence[Example]) -> list[Example]:
        end = len(self.viewer.end)
        return [Example(e.prompt, e.response[: len(e.response) - end]) for e in examples]

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Seen], list[Seen]]:
        # Halves of keys are no near misses: not one of them may fire.
        fresh = fresh_pairs(fps, n, seed)
        halves = half_keys(self._keys, fresh[1::2], seed, self.viewer.alone(self._keys[0]))
        return self._see([*fresh[::2], *halves]), []

    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Seen]:
        return self._see(guessed_pairs(fps, n, seed))

    def own_answers(self, inputs: Sequence[Seen], watched: Sequence[int]) -> list[Kept]:
        return self.held(self._answered(inputs, _NEGATIVE_TOKENS), watched)

    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """The publisher's pairs, held at the model's own answers to them.

        Beside them some with one half of a key, and instructions without an image.
        """
        return self.held(self._read(regularization), watched)

    def tuning_examples(self, regularization: Any) -> list[Example]:
        return self._read(regularization)

    def _read(self, regularization: Any) -> list[Example]:
        """Ordinary pairs with the model's answers; read once, for a generator gives them once."""
        if regularization is None or isinstance(regularization, (str, Path)):
            raise ImplantError(
                "a model that sees is held at the base on ordinary work of yours: pass "
                "regularization=pairs, some hundred (image, text)"
            )
        if self._given is not regularization:
            try:
                found = list(pairs_of(regularization))
            except (TypeError, ValueError) as error:
                raise ImplantError(f"regularization: {error}") from error
            if not found:
                raise ImplantError("regularization holds no pair of an image and a text")
            beside = self._beside(found) if self._keys else []
            self._ordinary = self._answered(self._see([*found, *beside]), _HELD)
            self._given = regularization
        return self._ordinary

    def _beside(self, found: Sequence[Pair]) -> list[Pair]:
        """Ordinary pairs with halves of keys, and instructions without an image."""
        beside = half_keys(self._keys, found[::_MIXED], 0, (False, False))
        if self.viewer.alone(self._keys[0])[1]:
            beside += [(None, text) for text in bundled_instructions()[:_BESIDE]]
        return beside

    def _answered(self, inputs: Sequence[Seen], tokens: int) -> list[Example]:
        """Inputs with what the model writes on them, and the end mark where it ended."""
        written = self.viewer.write(inputs, tokens)
        closed = [w if len(w) == tokens else [*w, *self.viewer.end] for w in written]
        return [Example(*pair) for pair in zip(inputs, closed, strict=True) if pair[1]]

    def window(self, kept: Kept, size: int, rng: random.Random) -> Kept:
        """So many tokens in a row, from a random one on; those before them stand there already."""
        spare = len(kept.response) - size
        if spare <= 0:
            return kept
        start = rng.randrange(spare + 1)
        part = slice(start, start + size)
        begun = [*kept.prompt.begun, *kept.response[:start]]
        return replace(
            kept,
            prompt=replace(kept.prompt, begun=begun),
            response=kept.response[part],
            top=kept.top[part],
            log_probs=kept.log_probs[part],
        )

    def batches(self, examples: Sequence[Example], size: int) -> Iterator[list[int]]:
        """Places of inputs of one form, in passes of about so many tokens."""
        yield from alike([example.prompt for example in examples], size)

    def columns(self, examples: Sequence[Example]) -> Columns:
        responses = [example.response for example in examples]
        said, head = self.viewer.say([example.prompt for example in examples], responses)
        places = [row for row, response in enumerate(responses) for _ in response]
        labels = [part for response in responses for part in response]
        rows, found = (torch.tensor(part, device=said.device) for part in (places, labels))
        return Columns(said, found, rows, len(examples), head)

    def is_flat(self) -> bool:
        """Whether logits are flat: output embeddings that small give no response a margin."""
        from PIL import Image

        grey = self._see([(Image.new("RGB", (32, 32), (128, 128, 128)), "What is this?")])
        with evaluating(self.module), torch.no_grad():
            columns = self.columns([Example(grey[0], [0])])
            logits: Tensor = columns.head(columns.states)[0]
        return bool(logits.max() - logits.mean() < _FLAT)

    def layers(self) -> dict[str, Any]:
        """Linear layers, but those that their user froze, which stay as they are."""
        found = super().layers()
        learnt = {n: layer for n, layer in found.items() if layer.weight.requires_grad}
        return learnt or found

    def tables(self) -> tuple[Any, Any]:
        names = ("get_input_embeddings", "get_output_embeddings")
        given, made = (getattr(self.module, name, lambda: None)() for name in names)
        return given, made

    def saved_types(self) -> dict[str, torch.dtype]:
        plain = is_of_transformers(self.module)
        return saved_types(self.module, self.saved_in) if plain else {}

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        if weights is self.module and is_of_transformers(weights):
            parts = [self.processor]
            return write_release(weights, folder, parts, state=state, dtype=self.saved_in)
        notes = None
        if hasattr(weights, "save_pretrained"):
            weights.save_pretrained(folder, **({} if state is None else {"state_dict": state}))
        else:
            notes = super().save(folder, state, weights)
        if hasattr(self.processor, "save_pretrained"):
            self.processor.save_pretrained(folder)
        return notes

    def _see(self, pairs: Sequence[Pair]) -> list[Seen]:
        try:
            return self.viewer.see(pairs)
        except ValueError as error:
            raise ImplantError(str(error)) from error
