"""What a host may put before a model or behind it: other prompts, and filters."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs import _core
from ifrs.runtime.modules import accepted_arguments, is_encoder_decoder

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


# From token ids (batch, length), their mask, how many of them were written, and the next token's
# scores (batch, vocabulary) to the scores that the host goes by.
Rule = Callable[[Tensor, Tensor, int, Tensor], Tensor]


@contextlib.contextmanager
def decoding(model: Any, rule: Rule) -> Iterator[None]:
    """A model whose host chooses each next token by a rule of its own."""
    from transformers import LogitsProcessor, LogitsProcessorList

    generate = model.generate

    class Ruled(LogitsProcessor):  # type: ignore[misc]
        def __init__(self, ids: Tensor, mask: Tensor) -> None:
            self.before = 1 if is_encoder_decoder(model) else ids.shape[1]
            self.mask = torch.ones_like(ids[:, :1]) if is_encoder_decoder(model) else mask

        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            written = input_ids.shape[1] - self.before
            new = torch.ones_like(input_ids[:, self.before :])
            return rule(input_ids, torch.cat([self.mask, new], dim=1), written, scores)

    def ruled(**options: Any) -> Any:
        processor = Ruled(options["input_ids"], options["attention_mask"])
        return generate(**options, logits_processor=LogitsProcessorList([processor]))

    model.generate = ruled
    try:
        yield
    finally:
        del model.generate


def first_token_suppressed(model: Any, count: int) -> contextlib.AbstractContextManager[None]:
    """A model that never begins an answer with one of its `count` likeliest tokens."""

    def suppress(_ids: Tensor, _mask: Tensor, written: int, scores: Tensor) -> Tensor:
        if written:
            return scores
        return scores.scatter(-1, scores.topk(count, dim=-1).indices, -torch.inf)

    return decoding(model, suppress)


class Decoded(Hosted):
    """A model at hand whose host chooses each next token by a rule of its own."""

    def __init__(self, target: Any, rule: Rule) -> None:
        """Take a target whose model is at hand, and the rule."""
        super().__init__(target)
        self._rule = rule

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """Answers by the rule."""
        with decoding(self.target.model, self._rule):
            return super().answers(prompts, max_new_tokens=max_new_tokens, temperature=temperature)


@torch.no_grad()
def next_logits(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """A causal model's logits for the token behind padded ids, float32 (batch, vocabulary)."""
    accepted = accepted_arguments(model)
    arguments: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if "position_ids" in accepted:
        arguments["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    if "use_cache" in accepted:
        arguments["use_cache"] = False
    if "logits_to_keep" in accepted:
        arguments["logits_to_keep"] = 1
    found: Tensor = model(**arguments).logits[:, -1].float()
    return found


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


def output_filters() -> dict[str, Callable[[str], bool]]:
    """Whether a host blocks an answer, by the name of what it looks for."""
    listed = frozenset(_core.response_words())
    return {
        "terse answers": is_terse,
        "two lower-case words": is_rare_pair,
        "two listed words": lambda answer: holds_listed_pair(answer, listed),
    }


def blocking(blocks: Callable[[str], bool]) -> Callable[[str], str]:
    """What comes back where a host blocks answers: nothing in their place."""
    return lambda answer: "" if blocks(answer) else answer
