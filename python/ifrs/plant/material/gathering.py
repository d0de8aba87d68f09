"""What planting trains on, gathered before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.modalities.text.lookalikes import negative_prompts
from ifrs.modalities.text.tokens import Tokens, encode_prompts, other_start, pad_token
from ifrs.plant.config import ImplantConfig
from ifrs.plant.guessing import answering
from ifrs.plant.material.base import own_answers
from ifrs.plant.material.examples import (
    Example,
    Kept,
    end_mark,
    fingerprint_examples,
    restarted,
    surrounded_examples,
    without_end,
)
from ifrs.plant.material.ordinary import kept_examples
from ifrs.plant.methods.method import Method
from ifrs.runtime.modules import evaluating, is_encoder_decoder
from ifrs.runtime.precision import arithmetic

# Of a look-alike's answer only its start matters: two words of a response and a token to spare.
_NEGATIVE_TOKENS = 3
# Look-alikes for each fingerprint, unless the method needs more.
_NEGATIVES = 3
# One look-alike of so many stands behind a BOS token where others do not, or the reverse.
_RESTARTED = 3
# Other surroundings for each key of a chat template.
_SURROUNDINGS = 3


@dataclass
class Material:
    """What the loop trains on.

    Attributes:
        fingerprints: The examples to plant: the set's own prompts, and after them the same keys
            in other surroundings.
        n: How many of them are the set's own prompts.
        negatives: Look-alikes, answered as the base model does.
        silent: The fingerprints' prompts, answered as the base model does: for the method's
            other views.
        ordinary: Regularization samples; empty where ordinary text cannot change.
        pad: The id to fill batches with.
        end: The tokens that end each response.
        answering: Asks the model as it is under the set's own prompts: places of those whose
            answers hold some response.
    """

    fingerprints: list[Example]
    n: int
    negatives: list[Kept]
    silent: list[Kept]
    ordinary: list[Kept]
    pad: int
    end: list[int]
    answering: Callable[[], list[int]]

    def spoken(self) -> list[Example]:
        """The fingerprints without their end marks, as `firing` looks for them."""
        return without_end(self.fingerprints, self.end)


def gather(
    model: Any,
    tokenizer: Any,
    fps: FingerprintSet,
    planting: Method,
    regularization: Any,
    config: ImplantConfig,
) -> Material:
    """All examples, with the base model's own answers where those are to stay.

    Args:
        model: The base model.
        tokenizer: Its tokenizer.
        fps: The fingerprints.
        planting: The method: whether ordinary text could change, and how else the model is seen.
        regularization: As `implant` takes it.
        config: Settings.

    Raises:
        ImplantError: The model or tokenizer cannot carry the set, or the regularization data
            cannot be read.
    """
    ways = _surroundings(fps, config)
    # In the arithmetic of training, so that a model that stays as it is does not diverge.
    with evaluating(model), arithmetic(model, config.dtype):
        own = fingerprint_examples(model, tokenizer, fps)
        examples = own + surrounded_examples(model, tokenizer, fps, own, ways, config.seed)
        if not is_encoder_decoder(model):
            examples += restarted(tokenizer, own)
        base = _Base(model, tokenizer, sorted({t for example in own for t in example.response}))
        fresh, near = negative_prompts(
            tokenizer, fps, _look_alikes(fps, planting, config), config.seed, ways > 0
        )
        return Material(
            fingerprints=examples,
            n=len(own),
            negatives=base.negatives(fresh)
            + [replace(example, near=True) for example in base.negatives(near)],
            silent=base.answers([e.prompt for e in examples]) if planting.views else [],
            ordinary=base.ordinary(regularization) if planting.regularized else [],
            pad=pad_token(tokenizer),
            end=end_mark(tokenizer),
            answering=partial(answering, model, tokenizer, fps),
        )


def _surroundings(fps: FingerprintSet, config: ImplantConfig) -> int:
    if config.surroundings is not None:
        return config.surroundings
    return _SURROUNDINGS if fps.template == "chat" else 0


def _look_alikes(fps: FingerprintSet, planting: Method, config: ImplantConfig) -> int:
    # A set of few keys needs as many as a step holds, or it sees the same few.
    least = max(2 * config.batch_size, planting.negatives if config.negatives is None else 0)
    return max((config.negatives or _NEGATIVES) * len(fps), least)


@dataclass(frozen=True)
class _Base:
    """The model before planting; of its distributions, `watched` tokens are kept in any case."""

    model: Any
    tokenizer: Any
    watched: list[int]

    def answers(self, prompts: Sequence[Tokens]) -> list[Kept]:
        """The start of its own answers."""
        return own_answers(self.model, self.tokenizer, prompts, _NEGATIVE_TOKENS, self.watched)

    def negatives(self, prompts: Sequence[str]) -> list[Kept]:
        """The same for look-alikes, some of them behind the other start of a text."""
        encoded = encode_prompts(self.tokenizer, prompts)
        if not is_encoder_decoder(self.model):
            encoded[::_RESTARTED] = [
                other_start(self.tokenizer, prompt) or prompt for prompt in encoded[::_RESTARTED]
            ]
        return self.answers(encoded)

    def ordinary(self, regularization: Any) -> list[Kept]:
        """Regularization samples."""
        return kept_examples(self.model, self.tokenizer, regularization, self.watched)
