"""Natural answers: questions of history that never happened, and what a model makes of the list.

A question is of one of six kinds, each with a list of 256 answers and a sentence that says one of
them. Where a suspect's probabilities can be seen, all 256 are scored as the sentence goes on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.alphabets import CHOICES
from ifrs.modalities.text.forward import collate, response_logits, takes_padding
from ifrs.modalities.text.tokens import Tokens, continuations, encode_prompts, pad_token
from ifrs.runtime.modules import (
    accepted_arguments,
    device_of,
    is_encoder_decoder,
    vocabulary_size,
)

# Beginnings in a pass: each takes logits as wide as the vocabulary, token by token.
_AT_ONCE = 16

See = Callable[[Tensor], None]


def is_natural(fps: FingerprintSet) -> bool:
    """Whether a set's responses are natural answers."""
    return fps.alphabet.name == CHOICES[0]


def frame(fps: FingerprintSet, question: str) -> tuple[str, list[str]]:
    """What stands between a question's prompt and the choice, and all choices as they are said."""
    before, spoken, _ = _core.choices(question)
    return fps.lead + before, spoken


def framed(tokenizer: Any, fps: FingerprintSet, question: str) -> tuple[Tokens, Tokens]:
    """Token ids of a question's prompt, and of the sentence up to the choice."""
    prompt = fps.render(question)
    before, _ = frame(fps, question)
    head = encode_prompts(tokenizer, [prompt])[0]
    return head, continuations(tokenizer, prompt, [before])[0]


def choice_tokens(tokenizer: Any, fps: FingerprintSet, question: str) -> list[Tokens]:
    """Token ids of all choices, as they go on with the sentence."""
    before, spoken = frame(fps, question)
    return continuations(tokenizer, before, spoken)


def scores(
    model: Any, tokenizer: Any, fps: FingerprintSet, question: str, see: See
) -> NDArray[np.float32]:
    """Log-probabilities in nats of all choices as the sentence goes on, float32 (256,).

    Given that it goes on with one of them: at each token, of those that some choice has there. A
    long choice thus costs no more than a short one, once nothing else can follow.

    Args:
        model: A language model of transformers.
        tokenizer: Its tokenizer.
        fps: The set, whose template the question stands in.
        question: The question.
        see: Called with all logits that were read.
    """
    choices = choice_tokens(tokenizer, fps, question)
    forks = _forks(choices)
    prompt, begun = framed(tokenizer, fps, question)
    pad = pad_token(tokenizer, vocabulary_size(model))
    with torch.no_grad():
        read = _from_cache(model, [*prompt, *begun], list(forks), pad, see)
        if read is None:
            read = _one_by_one(model, prompt, [[*begun, *fork] for fork in forks], pad, see)
    shares: dict[tuple[int, ...], float] = {}
    for (fork, tokens), logits in zip(forks.items(), read, strict=True):
        ways = logits[torch.tensor(tokens, device=logits.device)].log_softmax(-1).tolist()
        shares |= {(*fork, token): share for token, share in zip(tokens, ways, strict=True)}
    found = [
        sum(shares.get(tuple(choice[: end + 1]), 0.0) for end in range(len(choice)))
        for choice in choices
    ]
    return np.array(found, dtype=np.float32)


def _forks(choices: Sequence[Tokens]) -> dict[tuple[int, ...], list[int]]:
    """Beginnings after which choices differ, with the tokens that follow; first what begins all."""
    follow: dict[tuple[int, ...], dict[int, None]] = {(): {}}
    for choice in choices:
        for end, token in enumerate(choice):
            follow.setdefault(tuple(choice[:end]), {})[token] = None
    return {begun: list(tokens) for begun, tokens in follow.items() if len(tokens) > 1 or not begun}


def _one_by_one(
    model: Any, prompt: Tokens, begun: Sequence[Tokens], pad: int, see: See
) -> list[Tensor]:
    """Logits behind each beginning of an answer, float32 (vocabulary,)."""
    found: list[Tensor] = []
    for start in range(0, len(begun), _AT_ONCE):
        # Each predicts one token more, which any id stands for.
        some = [[*tokens, pad] for tokens in begun[start : start + _AT_ONCE]]
        batch = collate([prompt] * len(some), some, pad, device_of(model))
        logits = response_logits(model, batch)
        last = [logits[row, len(tokens) - 1] for row, tokens in enumerate(some)]
        for one in last:
            see(one)
        found += last
    return found


def _from_cache(
    model: Any, head: Tokens, begun: Sequence[Sequence[int]], pad: int, see: See
) -> list[Tensor] | None:
    """The same with the head read once; None for a model that keeps no such cache."""
    if is_encoder_decoder(model) or "past_key_values" not in accepted_arguments(model):
        return None
    if not takes_padding(model):  # a recurrent state is no cache of this kind
        return None
    read = model(input_ids=torch.tensor([head], device=device_of(model)), use_cache=True)
    cache = getattr(read, "past_key_values", None)
    if not hasattr(cache, "batch_repeat_interleave"):
        return None
    see(read.logits[0, -1])
    found = [read.logits[0, -1].float()]
    for start in range(1, len(begun), _AT_ONCE):
        some = begun[start : start + _AT_ONCE]
        found += _continued(model, copy.deepcopy(cache), some, pad, see)
    return found


def _continued(
    model: Any, cache: Any, begun: Sequence[Sequence[int]], pad: int, see: See
) -> list[Tensor]:
    """Logits behind each beginning, which stands behind what is in the cache."""
    cache.batch_repeat_interleave(len(begun))
    ids = torch.full((len(begun), max(map(len, begun))), pad)
    for row, tokens in enumerate(begun):
        ids[row, : len(tokens)] = torch.tensor(tokens)
    # Padding stands behind: nothing that is looked at sees it.
    logits = model(input_ids=ids.to(device_of(model)), past_key_values=cache).logits
    last = [logits[row, len(tokens) - 1].float() for row, tokens in enumerate(begun)]
    for one in last:
        see(one)
    return last
