"""A model that hears and writes to plant in, with its processor."""

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
from ifrs.modalities import keys_of
from ifrs.modalities import model as face
from ifrs.modalities.speech.listening import Heard, Listener, alike
from ifrs.modalities.speech.sounds import (
    Samples,
    changed,
    excerpts,
    half_keys,
    pieces,
    samples_of,
    with_pieces,
)
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example, Kept, in_turn
from ifrs.runtime.modules import evaluating
from ifrs.runtime.release import write_release
from ifrs.runtime.source import saved_types

# Sounds in a pass: each takes as much as some thousand tokens of a text.
_AT_ONCE = 8
# Guesses are drawn far from the seeds of look-alikes, so that none was seen in training.
_GUESSES = 1 << 32
# Of a look-alike's answer only its start matters: two words of a response and a token to spare.
_NEGATIVE_TOKENS = 3
# The most tokens of ordinary speech that are held: each costs a row as wide as the vocabulary.
_HELD = 64
# Pieces of ordinary speech, at least: of few recordings there are several excerpts.
_LEAST = 24
# Other surroundings for each key; look-alikes for each key; keys in a step.
_WAYS, _NEGATIVES, _BATCH = 1, 8, 8
# One look-alike of so many begins its text as where time stamps are wanted.
_STAMPED = 3
# Nats by which the best first token leads the mean one, at least: trained models' lead is ten.
_FLAT = 6.0


class Model(face.Model):
    """Inputs are sounds with what the decoder's text begins with: start, language, task.

    An answer position is a token of the response, and its candidates are the vocabulary. Where
    the encoder's weights are frozen, each sound is encoded once.
    """

    def __init__(self, module: Any, processor: Any = None) -> None:
        """Take a model, and its processor: a feature extractor and a tokenizer."""
        super().__init__(module, processor)
        self._listener: Listener | None = None
        self._keys: list[Samples] = []
        self._given: Any = None
        self._ordinary: list[Example] = []

    @property
    def listener(self) -> Listener:
        """The model with its processor.

        Raises:
            ImplantError: They are none that hear and write.
        """
        if self._listener is None:
            try:
                self._listener = Listener(self.module, self.processor)
            except ValueError as error:
                raise ImplantError(str(error)) from error
            encoder = self.module.get_encoder()
            self._listener.fixed = not any(p.requires_grad for p in encoder.parameters())
        return self._listener

    def check(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise ImplantError(
                f"a {type(self.module).__name__} cannot be planted in: pass a model that "
                "AutoModelForSpeechSeq2Seq loads"
            )
        _check_rows(self.module, self.listener.tokenizer)

    def defaults(self) -> dict[str, Any]:
        """Fewer look-alikes than for texts, since each is a whole sound."""
        return {
            "batch_size": _BATCH,
            "negatives": _NEGATIVES,
            "learning_rate": 5e-5,
            "max_epochs": 200,
        }

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        self._keys = self._samples([fps[i].key for i in range(len(fps))])
        said = [fps[i].response for i in range(len(fps))]
        responses = [[*self.listener.spoken(words), *self.listener.end] for words in said]
        heard = self._heard(self._keys)
        return [Example(given, tokens) for given, tokens in zip(heard, responses, strict=True)]

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        return _WAYS if wanted is None else wanted

    def elsewhere(
        self, fps: FingerprintSet, own: Sequence[Example], ways: int, seed: int
    ) -> list[Example]:
        """Keys louder or softer, noisy, or begun later; and where time stamps are wanted."""
        rng = random.Random(seed)
        sounds = [changed(key, self.listener.rate, rng) for key in self._keys * ways]
        found = in_turn(self._heard(sounds), own)
        return found + (self._stamped(own) if ways else [])

    def _stamped(self, examples: Sequence[Example]) -> list[Example]:
        """The same examples where a text begins with a time stamp, if the model has such."""
        found = []
        for example in examples:
            prefix = self.listener.stamped(example.prompt.prefix)
            if prefix is not None:
                found.append(Example(replace(example.prompt, prefix=prefix), example.response))
        return found

    def begun(self, examples: Sequence[Example]) -> list[Example]:
        end = len(self.listener.end)
        return [Example(e.prompt, e.response[: len(e.response) - end]) for e in examples]

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Heard], list[Heard]]:
        fresh = self._fresh(fps, n, seed)
        near = half_keys(self._keys, fresh[1::2], seed)
        return self._some_stamped(fresh[::2], varied), self._some_stamped(near, varied)

    def _some_stamped(self, sounds: Sequence[Samples], varied: bool) -> list[Heard]:
        heard = self._heard(sounds)
        for one in heard[::_STAMPED] if varied else []:
            one.prefix = self.listener.stamped(one.prefix) or one.prefix
        return heard

    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Heard]:
        return self._heard(self._fresh(fps, n, seed + _GUESSES))

    def _fresh(self, fps: FingerprintSet, n: int, seed: int) -> list[Samples]:
        """Sounds drawn as a set's keys are, from a public seed."""
        decode = keys_of(fps.modality)().decode
        return self._samples([decode(challenge) for challenge in fps.look_alikes(n, seed)])

    def own_answers(self, inputs: Sequence[Heard], watched: Sequence[int]) -> list[Kept]:
        return self.held(self._answered(inputs, _NEGATIVE_TOKENS), watched)

    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """The publisher's audio in pieces, held at the model's own transcription of it.

        Some of them with parts of keys under the speech, and where time stamps are wanted.
        """
        return self.held(self._read(regularization), watched)

    def tuning_examples(self, regularization: Any) -> list[Example]:
        return self._read(regularization)

    def _read(self, regularization: Any) -> list[Example]:
        """Ordinary sounds with transcriptions; read once, for a generator gives them once."""
        if regularization is None or isinstance(regularization, (str, Path)):
            raise ImplantError(
                "a model that hears is held at the base on ordinary audio of yours: pass "
                "regularization=sounds, a minute or more, each (samples a second, samples)"
            )
        if self._given is not regularization:
            try:
                found = list(pieces(regularization, self.listener.rate))
                found += excerpts(found, max(_LEAST - len(found), 0), 0) if found else []
            except ValueError as error:
                raise ImplantError(str(error)) from error
            mixed = with_pieces(found[::4], self._keys, 0) if self._keys else []
            examples = self._answered(self._heard([*found, *mixed]), _HELD)
            self._ordinary = examples + self._stamped(examples[1::_STAMPED])
            self._given = regularization
        if not self._ordinary:
            raise ImplantError("regularization holds no sound in which the model hears anything")
        return self._ordinary

    def _answered(self, inputs: Sequence[Heard], tokens: int) -> list[Example]:
        """Inputs with what the model writes on them, and the end mark where it ended."""
        written = self.listener.write([one.sound for one in inputs], _AT_ONCE, tokens)
        closed = [w if len(w) == tokens else [*w, *self.listener.end] for w in written]
        return [Example(*pair) for pair in zip(inputs, closed, strict=True) if pair[1]]

    def window(self, kept: Kept, size: int, rng: random.Random) -> Kept:
        """So many tokens in a row, from a random one on; those before them join the beginning."""
        spare = len(kept.response) - size
        if spare <= 0:
            return kept
        start = rng.randrange(spare + 1)
        part = slice(start, start + size)
        prefix = [*kept.prompt.prefix, *kept.response[:start]]
        return replace(
            kept,
            prompt=replace(kept.prompt, prefix=prefix),
            response=kept.response[part],
            top=kept.top[part],
            log_probs=kept.log_probs[part],
        )

    def batches(self, examples: Sequence[Example], size: int) -> Iterator[list[int]]:
        """Places of sounds of one shape, a few in a pass."""
        yield from alike([example.prompt.sound for example in examples], _AT_ONCE)

    def columns(self, examples: Sequence[Example]) -> Columns:
        listener, prompts = self.listener, [example.prompt for example in examples]
        responses = [example.response for example in examples]
        states = listener.encode([prompt.sound for prompt in prompts])
        ids = listener.written([prompt.prefix for prompt in prompts], responses)
        said, head = listener.decode(states, ids)
        places = [
            (row, len(prompt.prefix) - 1 + at)
            for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True))
            for at in range(len(response))
        ]
        rows, positions = torch.tensor(places, device=said.device).T
        labels = torch.tensor([part for one in responses for part in one], device=said.device)
        return Columns(said[rows, positions], labels, rows, len(examples), head)

    def is_flat(self) -> bool:
        """Whether logits are flat: output embeddings that small give no response a margin."""
        silence = self._heard([samples_of([0.0] * self.listener.rate, self.listener.rate)])
        with evaluating(self.module), torch.no_grad():
            columns = self.columns([Example(silence[0], [0])])
            logits: Tensor = columns.head(columns.states)[0]
        return bool(logits.max() - logits.mean() < _FLAT)

    def layers(self) -> dict[str, Any]:
        """Linear layers, but those of a frozen encoder, which stays as it is."""
        encoder = self.module.get_encoder()
        own = {id(layer) for layer in encoder.modules()} if self.listener.fixed else set()
        return {name: layer for name, layer in super().layers().items() if id(layer) not in own}

    def tables(self) -> tuple[Any, Any]:
        return self.module.get_input_embeddings(), self.module.get_output_embeddings()

    def saved_types(self) -> dict[str, torch.dtype]:
        return saved_types(self.module, self.saved_in)

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        parts = self.processor
        parts = [parts] if hasattr(parts, "save_pretrained") else [*parts]
        if weights is self.module:
            return write_release(weights, folder, parts, state=state, dtype=self.saved_in)
        weights.save_pretrained(folder, **({} if state is None else {"state_dict": state}))
        for part in parts:
            part.save_pretrained(folder)
        return None

    def _heard(self, sounds: Sequence[Samples]) -> list[Heard]:
        return self.listener.heard(sounds, _AT_ONCE)

    def _samples(self, sounds: Sequence[Any]) -> list[Samples]:
        try:
            return [samples_of(sound, self.listener.rate) for sound in sounds]
        except ValueError as error:
            raise ImplantError(str(error)) from error


def _check_rows(module: Any, tokenizer: Any) -> None:
    rows = module.get_input_embeddings().weight.shape[0]
    last = max(tokenizer.get_vocab().values())
    if last >= rows:
        raise ImplantError(
            f"the tokenizer has a token {last} but the model {rows} embedding rows: is it this "
            "model's tokenizer?"
        )
