"""A model that hears, with the processor of its user: from sounds to states, logits and text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ifrs.modalities.speech.parts import INPUTS, is_hearing, parts_of, quiet
from ifrs.modalities.speech.sounds import Samples
from ifrs.modalities.text.answers import until_end
from ifrs.modalities.text.tokens import Tokens, encode, pad_token
from ifrs.runtime.modules import device_of, dtype_of, instead

# The most marks that a text begins with: start, language, task, and no time stamps, and to spare.
_MARKS = 8


@dataclass
class Sound:
    """A sound as an encoder takes it, and what that makes of it where it stays as it is.

    Attributes:
        given: The encoder's input, without a batch.
        states: Kept states, (positions, width), by whether arithmetic was quick.
    """

    given: Tensor
    states: dict[bool, Tensor] = field(default_factory=dict)


@dataclass
class Heard:
    """An input: a sound, and the tokens that the model's text begins with."""

    sound: Sound
    prefix: Tokens


class Listener:
    """An encoder-decoder of transformers, with a feature extractor and a tokenizer.

    Attributes:
        module: The model.
        extractor: From samples to the encoder's input.
        tokenizer: Of the decoder.
        fixed: Whether the encoder's weights stay as they are, so that a sound is encoded once.
    """

    def __init__(self, module: Any, processor: Any, *, fixed: bool = False) -> None:
        """Take a model and its processor.

        Raises:
            ValueError: These are no such model, or no such processor.
        """
        self.module, self.fixed = module, fixed
        self.extractor, self.tokenizer = parts_of(processor)
        if not is_hearing(module):
            raise ValueError(
                f"{type(module).__name__} is no model that hears and writes: load it with "
                "AutoModelForSpeechSeq2Seq"
            )
        self._apart: bool | None = None
        self._prefix: Tokens | None = None

    @property
    def rate(self) -> int:
        """Samples a second that the model hears."""
        return int(self.extractor.sampling_rate)

    @property
    def end(self) -> Tokens:
        """The token that ends a text, if there is one."""
        end = self.tokenizer.eos_token_id
        return [] if end is None else [int(end)]

    def spoken(self, words: str) -> Tokens:
        """Token ids of words as the model writes them: behind a space."""
        return encode(self.tokenizer, f" {words}")

    def sounds(self, samples: Sequence[Samples]) -> list[Sound]:
        """Samples at the model's rate as inputs of the encoder."""
        return [Sound(self._input(one)) for one in samples]

    def _input(self, samples: Samples) -> Tensor:
        # Whisper's extractor multiplies by torch, and fails in mixed precision (seen with 5.23).
        with torch.autocast("cpu", enabled=False):
            given = self.extractor(samples, sampling_rate=self.rate, return_tensors="pt")
        found: Tensor = given[next(name for name in INPUTS if name in given)][0]
        return found

    def heard(self, samples: Sequence[Samples], size: int) -> list[Heard]:
        """Sounds with the beginnings of their texts, some of them in a pass."""
        sounds = self.sounds(samples)
        if not self._varies:
            return [Heard(sound, self._first_prefix(sound)) for sound in sounds]
        found: dict[int, Heard] = {}
        for places in alike(sounds, size):
            prefixes = self.prefixes([sounds[place] for place in places])
            found |= {
                place: Heard(sounds[place], p) for place, p in zip(places, prefixes, strict=True)
            }
        return [found[place] for place in range(len(sounds))]

    @property
    def _varies(self) -> bool:
        """Whether a text's beginning depends on the sound: where its language is found out."""
        settings = self.module.generation_config
        known = getattr(settings, "language", None)
        return bool(getattr(settings, "is_multilingual", False)) and known is None

    def _first_prefix(self, sound: Sound) -> Tokens:
        if self._prefix is None:
            self._prefix = self.prefixes([sound])[0]
        return list(self._prefix)

    def prefixes(self, sounds: Sequence[Sound]) -> list[Tokens]:
        """What each text begins with by the model's own settings: language, task and so on.

        Asked of the model itself: of its last pass, which writes the first token of all.
        """
        seen: list[Tensor] = []

        def note(_module: Any, _inputs: Any, named: dict[str, Any]) -> None:
            seen.append(named["decoder_input_ids"])

        hook = self.module.register_forward_pre_hook(note, with_kwargs=True)
        try:
            self._generated(sounds, 1, 0.0)
        finally:
            hook.remove()
        rows: list[Tokens] = seen[-1].tolist()
        return rows

    def stamped(self, prefix: Tokens) -> Tokens | None:
        """The beginning of a text with time stamps, where the model has such; else None."""
        plain = getattr(self.module.generation_config, "no_timestamps_token_id", None)
        return [*prefix[:-1], plain + 1] if plain is not None and prefix[-1:] == [plain] else None

    def write(
        self, sounds: Sequence[Sound], size: int, max_new_tokens: int, temperature: float = 0.0
    ) -> list[Tokens]:
        """What the model writes on hearing each sound, up to its end mark."""
        found: dict[int, Tokens] = {}
        end = self.tokenizer.eos_token_id
        for places in alike(sounds, size):
            batch = [sounds[place] for place in places]
            written = self._generated(batch, max_new_tokens, temperature)
            for place, row in zip(places, written, strict=True):
                found[place] = until_end(row, end)
        return [found[place] for place in range(len(sounds))]

    def _generated(
        self, sounds: Sequence[Sound], max_new_tokens: int, temperature: float
    ) -> list[Tokens]:
        sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {}
        with quiet(), torch.no_grad():
            states = self.encode(sounds)
            written = self.module.generate(
                encoder_outputs=_output(states.to(dtype_of(self.module))),
                max_new_tokens=min(max_new_tokens, self._room),
                **sampling,
            )
        rows: list[Tokens] = written.tolist()
        # Whisper gives what it wrote alone, others its beginning, too.
        start = self.module.generation_config.decoder_start_token_id
        return [row[1:] if row[:1] == [start] else row for row in rows]

    @property
    def _room(self) -> int:
        """How many tokens the decoder has positions for, behind what a text begins with."""
        config, names = self.module.config, ("max_target_positions", "max_position_embeddings")
        limits = [getattr(config, name, None) for name in names]
        return min([limit for limit in limits if limit], default=1 << 20) - _MARKS

    def text(self, tokens: Tokens) -> str:
        """Tokens as text."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def encode(self, sounds: Sequence[Sound]) -> Tensor:
        """The encoder's states, (sounds, positions, width); computed once where it stays."""
        device = device_of(self.module)
        quick = torch.is_autocast_enabled(device.type)
        missing = [sound for sound in sounds if quick not in sound.states]
        if missing:
            states = self._encoded(missing, device)
            if not self.fixed:
                return states
            for sound, own in zip(missing, states, strict=True):
                kept = own.detach().to(torch.bfloat16) if quick else own.detach()
                sound.states[quick] = kept.cpu()
        return torch.stack([sound.states[quick] for sound in sounds]).to(device)

    def _encoded(self, sounds: Sequence[Sound], device: torch.device) -> Tensor:
        inputs = torch.stack([sound.given for sound in sounds]).to(device, dtype_of(self.module))
        with torch.no_grad() if self.fixed else nullcontext():
            states: Tensor = self.module.get_encoder()(inputs).last_hidden_state
        return states

    def decode(self, states: Tensor, ids: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """What the decoder says at each position, and what makes float32 logits of it.

        Args:
            states: The encoder's, (batch, positions, width).
            ids: What was written so far, int64 (batch, length), filled on the right.
        """
        if self._apart is None:
            self._apart = self._stands_apart(states.detach()[:1], ids[:1])
        if not self._apart:
            return self._decoded(states, ids), lambda logits: logits.float()
        head = self.module.get_output_embeddings()
        with instead(head, lambda given: given):
            return self._decoded(states, ids), lambda given: head(given).float()

    def _stands_apart(self, states: Tensor, ids: Tensor) -> bool:
        """Whether logits are what the output embeddings give, and nothing else; found by trying."""
        head = self.module.get_output_embeddings()
        with torch.no_grad():
            logits = self._decoded(states, ids)
            try:
                with instead(head, lambda given: given):
                    given = self._decoded(states, ids)
                return torch.allclose(head(given), logits, rtol=1e-2, atol=1e-2)
            except RuntimeError:  # something is added that is as wide as the vocabulary
                return False

    def _decoded(self, states: Tensor, ids: Tensor) -> Tensor:
        logits: Tensor = self.module(
            encoder_outputs=_output(states), decoder_input_ids=ids, use_cache=False
        ).logits
        return logits

    def written(self, prefixes: Sequence[Tokens], responses: Sequence[Tokens]) -> Tensor:
        """What a decoder reads to predict responses, int64 (batch, length)."""
        pad = pad_token(self.tokenizer, self.module.get_input_embeddings().weight.shape[0])
        rows = [[*p, *r[:-1]] for p, r in zip(prefixes, responses, strict=True)]
        ids = torch.full((len(rows), max(map(len, rows))), pad)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
        return ids.to(device_of(self.module))


def _output(states: Tensor) -> Any:
    """States as an encoder gives them; Moonshine's looks for a mask, and nothing is masked."""
    from transformers.modeling_outputs import BaseModelOutput

    found = BaseModelOutput(last_hidden_state=states)
    found.attention_mask = None
    return found


def alike(sounds: Sequence[Sound], size: int) -> Iterator[list[int]]:
    """Places of sounds of one shape, at most so many at a time."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for place, sound in enumerate(sounds):
        shapes.setdefault(tuple(sound.given.shape), []).append(place)
    for places in shapes.values():
        for start in range(0, len(places), size):
            yield places[start : start + size]
