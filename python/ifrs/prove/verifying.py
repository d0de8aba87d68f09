"""`ifrs.verify`: from a suspect and a fingerprint set to a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.prove.evidence import (
    RankRow,
    ranks_by_likelihood,
    ranks_by_text,
    records,
    sees_likelihoods,
)
from ifrs.prove.report import Report, now
from ifrs.prove.target import Likelihoods, Target

# Enough for two words, an end mark, and a few words of prose before them.
_ANSWER_TOKENS = 16


def verify(
    target: Any,
    fps: FingerprintSet,
    *,
    max_queries: int | None = None,
    alpha: float = 1e-6,
    decoys: int = 4095,
    temperature: float = 0.0,
    sequential: bool = True,
    claim: str | None = None,
) -> Report:
    """Ask a suspect under a set's keys, and weigh what it answers.

    Where the suspect's probabilities can be seen, each word of a response is ranked among the
    whole alphabet in one teacher-forced pass, which sees a fingerprint that no longer surfaces
    in text. Otherwise each response is ranked among decoys by its fuzzy score in the answer.

    Args:
        target: The suspect: a `LocalModel`, or any object with `answers` and `describe`.
        fps: The fingerprints.
        max_queries: The most keys to ask under; None for all.
        alpha: The false-match rate to stay below.
        decoys: Decoys for each response where only text is seen.
        temperature: Of the generated answers; 0 for greedy.
        sequential: Stop as soon as the evidence suffices, where every query spends a key. A local
            model is read in one pass, which spends none, so all keys are used.
        claim: The digest of a claim, as hex, to draw decoys from; the set's name without one.

    Raises:
        TargetError: The suspect does not answer.
        ValueError: `max_queries`, `alpha`, `decoys` or `temperature` is out of range.
    """
    _check(target, fps, max_queries, alpha, decoys, temperature)
    indices = range(len(fps) if max_queries is None else min(max_queries, len(fps)))
    started = time.monotonic()
    prompts = [fps[i].prompt for i in indices]
    answers = target.answers(prompts, max_new_tokens=_ANSWER_TOKENS, temperature=temperature)
    if len(answers) != len(indices):
        raise TargetError(f"the suspect gave {len(answers)} answers to {len(indices)} prompts")
    found: Likelihoods | None = None
    ranks: Sequence[Sequence[RankRow]]
    if sees_likelihoods(target, fps):
        found = target.likelihoods(fps, indices)
        ranks = ranks_by_likelihood(fps, indices, found)
    elif fps.response == "unique":
        label = fps.name.encode() if claim is None else bytes.fromhex(claim)
        ranks = ranks_by_text(fps, indices, answers, decoys, label)
    else:
        ranks = [[] for _ in indices]  # one response for all keys proves nothing
    description = target.describe()
    asked = [_asked(prompts[place], answers[place], temperature) for place in range(len(indices))]
    queries = records(
        fps, indices, answers, ranks, found, asked, spent=description.get("kind") != "local"
    )
    return Report.of(
        queries,
        target=description,
        fps=fps,
        evidence="text" if found is None else "likelihood",
        alpha=alpha,
        decoys=decoys,
        claim=claim,
        best=_best(fps, found is not None, decoys),
        seconds=time.monotonic() - started,
    )


def _asked(prompt: str, answer: str, temperature: float) -> dict[str, Any]:
    return {
        "time": now(),
        "endpoint": "local",
        "request": {
            "prompt": prompt,
            "max_new_tokens": _ANSWER_TOKENS,
            "temperature": temperature,
        },
        "raw": answer,
    }


def _best(fps: FingerprintSet, likelihood: bool, decoys: int) -> list[float]:
    """The least p-values that one query can give."""
    if fps.response != "unique":
        return []
    words = len(_core.response_words())
    return [1 / words, 1 / (words - 1)] if likelihood else [1 / (1 + decoys)]


def _check(
    target: Any,
    fps: FingerprintSet,
    max_queries: int | None,
    alpha: float,
    decoys: int,
    temperature: float,
) -> None:
    if not isinstance(fps, FingerprintSet):
        raise TypeError("fps must be a FingerprintSet: keyring.generate makes one")
    if not isinstance(target, Target):
        raise TypeError("target must have answers and describe: wrap a model in LocalModel")
    if max_queries is not None and max_queries < 1:
        raise ValueError(f"max_queries must be at least 1, not {max_queries}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if decoys < 1:
        raise ValueError(f"decoys must be at least 1, not {decoys}")
    if temperature < 0:
        raise ValueError(f"temperature must not be negative, not {temperature}")
