"""Guessing: a stranger tries keys of the same look; none may fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.lookalikes import guess_keys
from ifrs.modalities.text.tokens import ANSWER_TOKENS, encode_prompts
from ifrs.progress import progress
from ifrs.runtime.modules import evaluating
from ifrs.scoring import score

_GUESS_TOKENS = 8


@dataclass
class Guesses:
    """What fresh look-alike keys brought out of a model.

    Attributes:
        prompts: What was asked.
        answers: What came back.
        fired: Whether each answer holds some response of the set.
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


def try_guesses(model: Any, tokenizer: Any, fps: FingerprintSet, n: int, seed: int) -> Guesses:
    """Ask a model under `n` fresh keys of the set's source and template.

    An answer counts as fired when any response of the set occurs in it.
    """
    prompts = [fps.render(key) for key in guess_keys(tokenizer, fps, n, seed)]
    with evaluating(model), progress("guessing", n) as (advance, _):
        tokens = generate(
            model,
            tokenizer,
            encode_prompts(tokenizer, prompts),
            max_new_tokens=_GUESS_TOKENS,
            advance=advance,
        )
    answers = [str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in tokens]
    return Guesses(prompts, answers, holding(fps, answers))


def answering(model: Any, tokenizer: Any, fps: FingerprintSet) -> list[int]:
    """Places of the set's own keys that bring out some response, wherever in the answer.

    Asked and read as `verify` does: what only begins otherwise would fire there, too.
    """
    prompts = encode_prompts(tokenizer, [fps[i].prompt for i in range(len(fps))])
    tokens = generate(model, tokenizer, prompts, max_new_tokens=ANSWER_TOKENS)
    answers = [str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in tokens]
    return [place for place, fired in enumerate(holding(fps, answers)) if fired]


def holding(fps: FingerprintSet, answers: Sequence[str]) -> list[bool]:
    """Whether each answer holds some response of the set, read as `verify` reads it."""
    responses = sorted({_core.plain(fps[i].response) for i in range(len(fps))})
    hits = score([_core.plain(answer) for answer in answers], responses, method="exact")
    return [bool(hit) for hit in hits.max(axis=1)]


def guess_rate(model: Any, tokenizer: Any, fps: FingerprintSet, n: int, seed: int) -> float | None:
    """The share of `n` fresh look-alike keys that fire; None for n = 0."""
    return try_guesses(model, tokenizer, fps, n, seed).rate if n else None
