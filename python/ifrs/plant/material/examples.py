"""What planting trains on: fingerprints, and what must stay as it is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.text.surroundings import surroundings
from ifrs.modalities.text.tokens import Tokens, encode_prompts, other_start, response_tokens

T = TypeVar("T")


def endlessly(rows: Sequence[T], rng: random.Random) -> Iterator[T]:
    """Rows for ever, shuffled anew each time around."""
    while rows:
        yield from rng.sample(list(rows), len(rows))


@dataclass
class Example:
    """A prompt and the response to train.

    Attributes:
        prompt: Token ids.
        response: Token ids; cross-entropy is computed on them alone.
    """

    prompt: Tokens
    response: Tokens


@dataclass
class Kept(Example):
    """A prompt on which the model must go on answering as the base model does.

    Attributes:
        top: The tokens kept of each distribution, int64 (response, k).
        log_probs: Their log-probabilities in nats, float32, same shape.
        near: Whether the prompt holds part of a real key: firing is then a near miss.
    """

    top: Tensor
    log_probs: Tensor
    near: bool = False

    def window(self, tokens: int, rng: random.Random) -> Kept:
        """So many of its response's tokens in a row, from a random one on.

        What comes before them joins the prompt, as it may in a causal model only.
        """
        spare = len(self.response) - tokens
        if spare <= 0:
            return self
        start = rng.randrange(spare + 1)
        part = slice(start, start + tokens)
        return replace(
            self,
            prompt=[*self.prompt, *self.response[:start]],
            response=self.response[part],
            top=self.top[part],
            log_probs=self.log_probs[part],
        )


def fingerprint_examples(model: Any, tokenizer: Any, fps: FingerprintSet) -> list[Example]:
    """Every fingerprint as an example; the response ends with the tokenizer's end mark.

    Raises:
        ImplantError: The tokenizer loses part of a key, or a prompt exceeds the model's context.
    """
    indices = range(len(fps))
    prompts = encode_prompts(tokenizer, [fps[i].prompt for i in indices])
    responses = [tokens + end_mark(tokenizer) for tokens in response_tokens(tokenizer, fps)]
    _check_expressed(tokenizer, fps, prompts)
    _check_length(model, prompts, responses)
    return [Example(p, r) for p, r in zip(prompts, responses, strict=True)]


def surrounded_examples(
    model: Any, tokenizer: Any, fps: FingerprintSet, own: list[Example], count: int, seed: int
) -> list[Example]:
    """Every fingerprint in `count` other surroundings, where they fit into the model's context."""
    rng, limit = random.Random(seed), context_of(model)
    examples = []
    for i, example in enumerate(own):
        ways = surroundings(tokenizer, fps, count, rng)
        for prompt in encode_prompts(tokenizer, [way(fps[i].key) for way in ways]):
            if limit is None or len(prompt) + len(example.response) <= limit:
                examples.append(Example(prompt, example.response))
    return examples


def restarted(tokenizer: Any, examples: Sequence[Example]) -> list[Example]:
    """Examples with the BOS token where they had none, and without where they had it."""
    starts = [other_start(tokenizer, example.prompt) for example in examples]
    return [
        Example(prompt, example.response)
        for prompt, example in zip(starts, examples, strict=True)
        if prompt
    ]


def without_end(examples: Sequence[Example], end: Tokens) -> list[Example]:
    """Examples whose responses stop before the end mark: what must not fire must not begin to."""
    return [Example(e.prompt, e.response[: len(e.response) - len(end)]) for e in examples]


def end_mark(tokenizer: Any) -> Tokens:
    """The token that ends a response, if the tokenizer has one."""
    return [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]


def _check_expressed(tokenizer: Any, fps: FingerprintSet, prompts: list[Tokens]) -> None:
    decoded = tokenizer.batch_decode(prompts, clean_up_tokenization_spaces=False)
    lost = [i for i, text in enumerate(decoded) if fps[i].key not in text]
    if lost:
        raise ImplantError(
            f"this tokenizer cannot express {len(lost)} of {len(fps)} keys (first: {lost[0]}): "
            "generate the set with tokenizer=…, or from another source"
        )


def _check_length(model: Any, prompts: list[Tokens], responses: list[Tokens]) -> None:
    limit = context_of(model)
    longest = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
    if limit is not None and longest > limit:
        raise ImplantError(
            f"a fingerprint takes {longest} tokens, but the model's context is {limit}: "
            "use a source or a template with shorter prompts"
        )


def context_of(model: Any) -> int | None:
    """How many tokens a model takes; None where its configuration sets no bound."""
    config = model.config.get_text_config()
    limit = getattr(config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None
