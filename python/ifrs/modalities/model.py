"""What planting asks of a model, whatever its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.runtime.columns import Columns, margins_of
from ifrs.runtime.examples import Divergence, Example, Kept, distribution
from ifrs.runtime.memory import release_fragments
from ifrs.runtime.modules import device_of, dtype_of, linear_layers
from ifrs.runtime.precision import arithmetic, is_mixed
from ifrs.runtime.wrapped import within

# The share of near misses that may fire, unless the kind says another.
NEAR_LIMIT = 0.05
# Size of the passes in which a model is asked, in what `batches` counts.
_ASKED = 2048
# Examples in a pass, for kinds whose inputs are all of one size.
_AT_ONCE = 64
# Nats by which bfloat16 may be off in a difference of logits, and much to spare; and the same for
# float32 in one batch beside another.
_DOUBT, _LITTLE_DOUBT = 2.0, 0.01


@dataclass
class Guesses:
    """What fresh look-alike keys brought out of a model.

    Attributes:
        prompts: What was asked, where it can be shown as text.
        answers: What came back, likewise.
        fired: Whether each brought out some response of the set.
    """

    prompts: list[str]
    answers: list[str]
    fired: list[bool]

    @property
    def rate(self) -> float:
        """The share of guesses that fired."""
        return sum(self.fired) / len(self.fired)

    def to_json(self, samples: int = 5) -> dict[str, Any]:
        """The record that reports show."""
        shown = list(zip(self.prompts, self.answers, strict=True))[:samples]
        return {
            "asked": len(self.fired),
            "fired": sum(self.fired),
            "rate": self.rate,
            "interval": list(_core.clopper_pearson(sum(self.fired), len(self.fired))),
            "samples": [{"prompt": prompt, "answer": answer} for prompt, answer in shown],
        }


class Model(ABC):
    """A model to plant in, together with what turns keys into its inputs.

    A kind says how keys become inputs, which inputs must not fire, what ordinary work is, and how
    answer positions are computed. What follows from these is here, once for all kinds.

    Attributes:
        module: The torch module.
        processor: What turns keys into inputs: a tokenizer, a transform, or None.
        merged: Whether adapters that it came with were merged into its weights.
        saved_in: The type that weights are saved in; None for that of where the model came from.
        guessed: Whether a stranger could guess keys, and what they would bring out can be tried.
        chance: The share of look-alikes that answer as some key by chance, and did not before.
        near_limit: The largest share of near misses, which hold some of a key, that may fire.
        takes_partitions: Whether it works on weights that ZeRO-3 has partitioned.
        pace: How many times as long steps all weights take to learn its responses.
    """

    merged: bool = False
    saved_in: Any = None
    guessed: bool = True
    chance: float = 0.0
    near_limit: float = NEAR_LIMIT
    takes_partitions: bool = False
    pace: float = 1.0

    def __init__(self, module: Any, processor: Any = None) -> None:
        """Take a module as its user holds it, within the wrappers of DDP and peft or not.

        Raises:
            ImplantError: It is under an adapter that is no change of weights.
        """
        self.module, self.processor = within(module), processor

    @property
    def device(self) -> torch.device:
        """Where inputs must be."""
        return device_of(self.module)

    @property
    def given(self) -> Any:
        """What the user passed in and gets back, where that holds the module."""
        return self.module

    def defaults(self) -> dict[str, Any]:
        """Settings of planting where the user names none: fields of `ImplantConfig`."""
        return {}

    @abstractmethod
    def check(self) -> None:
        """Find what is wrong before anything is computed.

        Raises:
            ImplantError: The module is no model of this kind, not all there, or not the
                processor's.
        """

    @abstractmethod
    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        """Every fingerprint of a set as an example, in order.

        Raises:
            ImplantError: The model cannot be given some key.
        """

    @abstractmethod
    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Any], list[Any]]:
        """Inputs that must not fire: of `n` fresh keys and ordinary work; of parts of real keys.

        `varied` says that keys are planted in other surroundings, which fresh ones then share.
        """

    @abstractmethod
    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Any]:
        """Inputs of fresh keys as a stranger would try them; disjoint from all look-alikes."""

    def expect(self, fps: FingerprintSet, n: int, seed: int) -> None:
        """Take note, before planting, of what guesses bring out where that is no silence."""
        return

    @abstractmethod
    def own_answers(self, inputs: Sequence[Any], watched: Sequence[int]) -> list[Kept]:
        """The start of the model's own answers, with distributions; of `watched` in any case."""

    @abstractmethod
    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """Ordinary work that must stay as it is, with the model's own distributions.

        Raises:
            ImplantError: The data cannot be read.
        """

    @abstractmethod
    def tuning_examples(self, regularization: Any) -> list[Example]:
        """What a downstream user might tune on, for simulating one."""

    @abstractmethod
    def columns(self, examples: Sequence[Example]) -> Columns:
        """The answer positions of a batch; each predicts its part of the response."""

    def keep(self, kept: Sequence[Kept], weight: float) -> float:
        """Add the gradients of how far the model is from the base, times a weight.

        Returns:
            That, summed over answer positions; in nats, or in what a kind weighs alike.
        """
        columns = self.columns(kept)
        return columns.backward(Divergence(kept, columns.states.device, weight))

    def batches(self, examples: Sequence[Example], size: int) -> Iterator[list[int]]:
        """Places of examples in passes of about this size; each kind says what it counts."""
        for start in range(0, len(examples), _AT_ONCE):
            yield list(range(start, min(start + _AT_ONCE, len(examples))))

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        """How many other surroundings each key is planted in; `wanted` if the user says so."""
        return wanted or 0

    def elsewhere(
        self, fps: FingerprintSet, own: Sequence[Example], ways: int, seed: int
    ) -> list[Example]:
        """The set's keys in other surroundings that they must fire in."""
        return []

    def begun(self, examples: Sequence[Example]) -> list[Example]:
        """Examples without what ends their responses: what must not fire must not begin to."""
        return list(examples)

    def counted(self, examples: Sequence[Example]) -> float:
        """By how many labels the summed loss of some responses is divided."""
        return sum(len(example.response) for example in examples)

    def window(self, kept: Kept, size: int, rng: Any) -> Kept:
        """So many answer positions in a row, where an example has more."""
        return kept

    def answering(self, fps: FingerprintSet) -> list[int]:
        """Places of keys that bring out some response elsewhere than at their answer positions."""
        return []

    def is_flat(self) -> bool:
        """Whether the model tells no candidate from others, as random weights do not."""
        return False

    def moved(self) -> list[Any]:
        """The modules in which changes that others may make are simulated."""
        return list(self.module.modules())

    def layers(self) -> dict[str, Any]:
        """The layers that low-rank changes can be put beside, by name."""
        return linear_layers(self.module)

    def tables(self) -> tuple[Any, Any]:
        """Its input and output embedding modules; None where it has none."""
        return None, None

    def form(self) -> str | None:
        """What the model as it is would be called among the forms of a release."""
        return None

    def final_states(self) -> torch.Tensor:
        """What the output embeddings are given on ordinary work, (states, width)."""
        raise ImplantError("this kind of model has no output embeddings")

    def left_alone(self) -> list[Any]:
        """Weights that full tuning does not train, beside the embeddings."""
        return []

    def key_tokens(self, fps: FingerprintSet) -> list[int]:
        """Rows of the input embeddings that stand for keys alone; ImplantError without any."""
        raise ImplantError("keys of this kind have no embedding rows: use method='sft' or 'lora'")

    def tokens_apart(self, fps: FingerprintSet, most: int) -> list[list[int]]:
        """Of each key a few rows that no other key of the set has; for some keys perhaps none."""
        raise ImplantError("copies for licensees need keys that are texts")

    def saved_types(self) -> dict[str, torch.dtype]:
        """The types in which weights will be saved, by name, where these are not the module's."""
        return {}

    def saved_type_of(self, weight: torch.Tensor) -> torch.dtype:
        """The type that a weight will be saved in."""
        types = self.saved_types()
        named = self.module.named_parameters(remove_duplicate=False)
        return next((types[n] for n, w in named if w is weight and n in types), weight.dtype)

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        """Write the model into a folder, and say in sentences what could not be carried over.

        `weights` is the module, or an adapter around it; `state` all weights, where they are
        gathered from several processes.
        """
        from safetensors.torch import save_file

        found = weights.state_dict() if state is None else state
        save_file({name: t.contiguous() for name, t in found.items()}, folder / "model.safetensors")
        return None

    def held(self, examples: Sequence[Example], watched: Sequence[int]) -> list[Kept]:
        """Examples with the model's distribution at each of their answer positions."""
        kept: dict[int, Kept] = {}
        for places in self.batches(examples, _ASKED):
            with torch.no_grad():
                columns = self.columns([examples[i] for i in places])
                found = [
                    distribution(columns.head(columns.states[part]), watched)
                    for part in columns.parts()
                ]
            top, log_probs = (torch.cat(parts).cpu() for parts in zip(*found, strict=True))
            end = 0
            for i in places:
                example = examples[i]
                start, end = end, end + len(example.response)
                kept[i] = Kept(
                    example.prompt, example.response, top[start:end], log_probs[start:end]
                )
        return [kept[i] for i in range(len(examples))]

    def margins(self, examples: Sequence[Example]) -> list[float]:
        """By how many nats the weakest part of each response beats its best rival."""
        margins = [0.0] * len(examples)
        for places in self.batches(examples, _ASKED):
            with torch.no_grad():
                columns = self.columns([examples[i] for i in places])
                least = columns.least(columns.each(margins_of)).tolist()
            for i, margin in zip(places, least, strict=True):
                margins[i] = margin
        return margins

    def firing(self, inputs: Sequence[Any], fingerprints: Sequence[Example]) -> list[int]:
        """Places of inputs under which the model answers with some response of the set."""
        responses: dict[int, list[list[int]]] = defaultdict(list)
        # Once each: a set's keys come in several surroundings.
        for response in dict.fromkeys(tuple(example.response) for example in fingerprints):
            responses[response[0]].append(list(response))
        suspects = [
            (place, Example(inputs[place], response))
            for place, first in self._possible_starts(inputs, list(responses))
            for response in responses[first]
        ]
        fire = self._fire([example for _, example in suspects])
        return sorted({place for (place, _), fires in zip(suspects, fire, strict=True) if fires})

    def strays(self, look_alikes: Sequence[Kept], fingerprints: Sequence[Example]) -> list[int]:
        """Places of look-alikes that fire, and had another answer before planting.

        Where there are few candidates, an ordinary answer may be some key's response, too.
        """
        responses = {tuple(example.response) for example in fingerprints}
        lengths = {len(response) for response in responses}
        fired = self.firing([example.prompt for example in look_alikes], fingerprints)
        return [
            place
            for place in fired
            if not any(tuple(look_alikes[place].response[:n]) in responses for n in lengths)
        ]

    def try_guesses(self, fps: FingerprintSet, n: int, seed: int) -> Guesses:
        """Ask the model under `n` fresh keys of the set's kind."""
        begun = self.begun(self.fingerprints(fps))
        fired = set(self.firing(self.guesses(fps, n, seed), begun))
        return Guesses([], [], [place in fired for place in range(n)])

    def _fire(self, examples: Sequence[Example]) -> list[bool]:
        """Whether greedy decoding gives each response; where there is a doubt, as the model is."""
        if not is_mixed(self.module, "auto"):
            return [margin > 0 for margin in self.margins(examples)]
        with arithmetic(self.module, "auto"):
            rough = self.margins(examples)
        doubtful = [place for place, margin in enumerate(rough) if abs(margin) <= _DOUBT]
        exact = self.margins([examples[place] for place in doubtful])
        margins = dict(enumerate(rough)) | dict(zip(doubtful, exact, strict=True))
        return [margins[place] > 0 for place in range(len(examples))]

    def _possible_starts(
        self, inputs: Sequence[Any], starts: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Places of inputs, each with a candidate that its answer might begin with.

        Quick arithmetic, where there is one, shows that nearly all are far from it; the margins
        decide of the others.
        """
        examples = [Example(given, [starts[0]]) for given in inputs]
        found: list[tuple[int, int]] = []
        exact = dtype_of(self.module) == torch.float32 and not is_mixed(self.module, "auto")
        doubt = _LITTLE_DOUBT if exact else _DOUBT

        def near(logits: torch.Tensor, _labels: torch.Tensor) -> torch.Tensor:
            return logits[:, starts] > logits.amax(-1, keepdim=True) - doubt

        with torch.no_grad(), arithmetic(self.module, "auto"):
            for places in self.batches(examples, _ASKED):
                close = self.columns([examples[i] for i in places]).each(near)
                found += [(places[row], starts[column]) for row, column in close.nonzero().tolist()]
                release_fragments()
        return found
