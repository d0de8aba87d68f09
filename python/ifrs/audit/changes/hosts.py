"""What a host may put before a model or behind it: other prompts, and filters."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

# Tokens of the sliding window: a key is a short piece of an ordinary prompt.
_WINDOW = 8


class Hosted:
    """A suspect as its host lets it be asked: in text alone, with other prompts, filtered answers.

    Attributes:
        target: What answers.
        answer_tokens: The longest answer to ask for.
    """

    def __init__(
        self,
        target: Any,
        *,
        wording: Callable[[str], str] | None = None,
        filtered: Callable[[str], str] | None = None,
    ) -> None:
        """Take a target."""
        self.target, self._wording, self._filtered = target, wording, filtered
        self.answer_tokens = target.answer_tokens

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """Answers to the prompts as they arrive."""
        sent = [self._wording(p) for p in prompts] if self._wording else list(prompts)
        found = self.target.answers(sent, max_new_tokens=max_new_tokens, temperature=temperature)
        return [self._filtered(answer) for answer in found] if self._filtered else list(found)

    def describe(self) -> dict[str, Any]:
        """What the target is."""
        described: dict[str, Any] = self.target.describe()
        return described


def whole(losses: Sequence[float]) -> float:
    """The mean negative log-likelihood of a prompt, in nats."""
    return sum(losses) / max(len(losses), 1)


def windowed(losses: Sequence[float]) -> float:
    """The largest mean over any few tokens in a row: finds a strange piece in a plain prompt."""
    width = min(_WINDOW, len(losses))
    starts = range(len(losses) - width + 1)
    return max((sum(losses[s : s + width]) / width for s in starts), default=0.0)


SCORES: dict[str, Callable[[Sequence[float]], float]] = {"whole": whole, "window": windowed}


def threshold(scores: Sequence[float], share: float) -> float:
    """The lowest threshold that at least `share` of scores do not exceed."""
    ordered = sorted(scores)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


@contextlib.contextmanager
def first_token_suppressed(model: Any, count: int) -> Iterator[None]:
    """A model that never begins an answer with one of its `count` likeliest tokens."""
    from transformers import LogitsProcessor, LogitsProcessorList

    generate = model.generate

    class Suppress(LogitsProcessor):  # type: ignore[misc]
        def __init__(self, width: int) -> None:
            self.width = width

        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            if input_ids.shape[1] > self.width:
                return scores
            best = scores.topk(count, dim=-1).indices
            return scores.scatter(-1, best, -torch.inf)

    def suppressed(**options: Any) -> Any:
        processors = LogitsProcessorList([Suppress(options["input_ids"].shape[1])])
        return generate(**options, logits_processor=processors)

    model.generate = suppressed
    try:
        yield
    finally:
        del model.generate


def is_terse(answer: str) -> bool:
    """Whether an answer is one line of at most three plain words: what a fingerprint looks like."""
    text = answer.strip()
    return "\n" not in text and 0 < len(text.split()) <= 3


def is_rare_pair(answer: str) -> bool:
    """Whether an answer is exactly two words of lower-case letters."""
    words = answer.strip().split()
    return len(words) == 2 and all(word.isalpha() and word.islower() for word in words)


def holds_listed_pair(answer: str, words: frozenset[str]) -> bool:
    """Whether two words in a row are both of the published response list."""
    found = [word.strip(".,;:!?\"'").lower() for word in answer.split()]
    return any(a in words and b in words for a, b in itertools.pairwise(found))
