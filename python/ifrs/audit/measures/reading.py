"""Reading a suspect: FSR, both p-values, and the publisher's margin, as measures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from ifrs import LocalModel, _core, verify
from ifrs._core import FingerprintSet
from ifrs.audit.record import Measure
from ifrs.modalities.text.model import Model, holding

ALPHA = 1e-6
_SERVER_TOKENS = 48


class Through:
    """A suspect seen through what stands before it: only text, other prompts, filtered answers."""

    def __init__(
        self,
        target: Any,
        *,
        wording: Callable[[str], str] | None = None,
        after: Callable[[str], str] | None = None,
    ) -> None:
        """Take a target.

        Args:
            target: What answers.
            wording: What becomes of a prompt on its way in.
            after: What becomes of an answer on its way out.
        """
        self.target, self._wording, self._after = target, wording, after

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """Answers to the prompts as they arrive."""
        sent = [self._wording(p) for p in prompts] if self._wording else list(prompts)
        found = self.target.answers(sent, max_new_tokens=max_new_tokens, temperature=temperature)
        return [self._after(answer) for answer in found] if self._after else list(found)

    def describe(self) -> dict[str, Any]:
        """What the target is."""
        described: dict[str, Any] = self.target.describe()
        return described


class _Said:
    """Answers that were given before."""

    def __init__(self, answers: Sequence[str], described: dict[str, Any]) -> None:
        self._answers, self._described = list(answers), described

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        return self._answers

    def describe(self) -> dict[str, Any]:
        return self._described


def read(
    target: Any,
    fps: FingerprintSet,
    *,
    decoys: int = 4095,
    temperature: float = 0.0,
    step: int | None = None,
    task: str | None = None,
) -> list[Measure]:
    """Ask a suspect under every key, and measure what came back.

    Args:
        target: A `LocalModel`, or anything with `answers` and `describe`.
        fps: The fingerprints.
        decoys: Responses that each true one is ranked among in the text.
        temperature: Of the answers.
        step: Training steps before.
        task: What part of the case it is.
    """
    where: dict[str, Any] = {"step": step, "task": task}
    # Servers' models chat before they answer; a local one is asked for its first words.
    limit = _SERVER_TOKENS if target.describe().get("kind") == "api" else None
    report = verify(
        target,
        fps,
        alpha=ALPHA,
        decoys=decoys,
        temperature=temperature,
        sequential=False,
        max_new_tokens=limit,
    )
    fired, n = sum(query.fired for query in report.queries), len(report.queries)
    measures = [Measure("fsr", fired / n, *_core.clopper_pearson(fired, n), n=n, **where)]
    matches = report.verdict == "match"
    if report.kind == "likelihood":
        measures.append(Measure("log10_p_likelihood", report.log10_p, n=n, **where))
        said = _Said([query.answer for query in report.queries], target.describe())
        report = verify(said, fps, alpha=ALPHA, decoys=decoys, sequential=False)
        matches = matches or report.verdict == "match"
    measures.append(Measure("log10_p_text", report.log10_p, n=n, **where))
    measures.append(Measure("match", float(matches), **where))
    return measures


def margins(target: LocalModel, fps: FingerprintSet, *, step: int | None = None) -> list[Measure]:
    """By how many nats responses lead, in the weakest key and the median one."""
    model = Model(target.model, target.tokenizer)
    found = model.margins(model.fingerprints(fps))
    return [
        Measure("margin_min", min(found), n=len(found), step=step),
        Measure("margin_median", statistics.median(found), n=len(found), step=step),
    ]


def fired_share(answers: Sequence[str], fps: FingerprintSet) -> tuple[int, int]:
    """How many answers hold some response of the set, and of how many."""
    return sum(holding(fps, answers)), len(answers)


def share(metric: str, part: int, whole: int, **where: Any) -> Measure:
    """A share with its Clopper-Pearson interval."""
    if not whole:
        return Measure(metric, None, n=0, **where)
    return Measure(metric, part / whole, *_core.clopper_pearson(part, whole), n=whole, **where)
