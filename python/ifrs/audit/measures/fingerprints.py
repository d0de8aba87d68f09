"""What a suspect shows of a set: FSR, both p-values, margins, and how it answers guesses."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from ifrs import verify
from ifrs._core import FingerprintSet
from ifrs.audit.record import Measure, share
from ifrs.modalities.model import Model
from ifrs.modalities.text.model import holding

ALPHA = 1e-6
# Questions of each domain, of a signal: a unit must not take all that its set has.
_QUESTIONS = 25
# Guesses asked at a time.
_AT_ONCE = 200


class _Answered:
    """A suspect whose answers are there already."""

    def __init__(self, answers: Sequence[str], described: dict[str, Any]) -> None:
        self._answers, self._described = list(answers), described

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        return self._answers

    def describe(self) -> dict[str, Any]:
        return self._described


def verified(
    target: Any,
    fps: FingerprintSet,
    *,
    decoys: int = 4095,
    temperature: float = 0.0,
    step: int | None = None,
    task: str | None = None,
) -> list[Measure]:
    """Ask a suspect under every key, and measure what came back."""
    where: dict[str, Any] = {"step": step, "task": task}
    report = verify(
        target,
        fps,
        alpha=ALPHA,
        decoys=decoys,
        temperature=temperature,
        sequential=False,
        questions=_QUESTIONS if fps.is_signal else None,
    )
    fired, n = sum(query.fired for query in report.queries), len(report.queries)
    measures = [share("fsr", fired, n, **where)]
    matches = report.verdict == "match"
    if report.kind == "likelihood":
        measures.append(Measure("log10_p_likelihood", report.log10_p, n=n, **where))
        report = from_text(report, target, fps, decoys=decoys)
        matches = matches or report.verdict == "match"
    elif hasattr(target, "likelihoods"):  # another vocabulary may not tell response words apart
        measures.append(Measure("log10_p_likelihood", None, n=0, **where))
    measures.append(Measure("log10_p_text", report.log10_p, n=n, **where))
    measures.append(Measure("match", float(matches), **where))
    return measures


def from_text(report: Any, target: Any, fps: FingerprintSet, *, decoys: int) -> Any:
    """The report on the same answers from their text alone."""
    answered = _Answered([query.answer for query in report.queries], target.describe())
    return verify(answered, fps, alpha=ALPHA, decoys=decoys, sequential=False)


def margins(model: Model, fps: FingerprintSet, *, step: int | None = None) -> list[Measure]:
    """By how many nats responses lead, in the weakest key and the median one."""
    found = model.margins(model.fingerprints(fps))
    return [
        Measure("margin_min", min(found), n=len(found), step=step),
        Measure("margin_median", statistics.median(found), n=len(found), step=step),
    ]


def guess_rate(target: Any, fps: FingerprintSet, keys: Sequence[str], task: str) -> Measure:
    """The share of keys, put in the set's template, under which some response of it appears."""
    prompts, answers = [fps.render(key) for key in keys], list[str]()
    for start in range(0, len(prompts), _AT_ONCE):
        part = prompts[start : start + _AT_ONCE]
        answers += target.answers(part, max_new_tokens=fps.room)
    return share("guess_rate", sum(holding(fps, answers)), len(answers), task=task)
