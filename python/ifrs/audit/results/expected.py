"""What was expected of fingerprints, confirmed or refuted by the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ifrs.audit.planting import class_of, every_method
from ifrs.audit.record import DONE, Record
from ifrs.audit.results.cells import count, last, percent, points, value_of
from ifrs.pages import words

HELD, BROKE = "held", "did not hold"
ENOUGH = -12.0


@dataclass(frozen=True)
class Check:
    """An expectation, what was found, and whether it held."""

    expected: str
    found: str
    verdict: str


def checks(records: Sequence[Record]) -> list[Check]:
    """Every expectation that there are records for."""
    done = [record for record in records if record.status == DONE]
    made = (*_private(done), _tuned(done), _deployed(done), *_harmless(done), *_strangers(done))
    return [check for check in made if check is not None]


def benign(record: Record) -> bool:
    """Whether an honest user might have done this: tuning, quantization, merging, some pruning."""
    return record.suite == "persistence" or (
        record.suite == "deployment"
        and record.method != "base"
        and (
            record.case.startswith(("int", "gguf", "merge", "served"))
            or record.case.endswith("-20")
        )
    )


def _methods(*, private: bool) -> list[str]:
    """The methods whose fingerprint is read with the publisher's adapter, or without one."""
    return [name for name in every_method() if class_of(name).private == private]


def _private(done: Sequence[Record]) -> list[Check]:
    checks = []
    for method in _methods(private=True):
        found = [r for r in done if r.suite == "persistence" and r.method == method]
        if found:
            worst = min(found, key=lambda r: value_of(r, "fsr"))
            text = f"lowest {percent(last(worst, 'fsr'))} ({worst.case}), of {len(found)} tunings"
            verdict = HELD if value_of(worst, "fsr") == 1 else BROKE
            expected = f"{method}: FSR_post 100 % after every downstream tuning"
            checks.append(Check(expected, text, verdict))
    return checks


def _tuned(done: Sequence[Record]) -> Check | None:
    return _worst("every downstream tuning", [r for r in done if r.suite == "persistence"])


def _deployed(done: Sequence[Record]) -> Check | None:
    halves = ("merge-linear-0.5", "merge-slerp", "merge-ties", "merge-dare")
    found = [
        r
        for r in done
        if r.suite == "deployment"
        and (r.case.startswith(("int", "gguf", *halves)) or r.case.endswith("-20"))
    ]
    return _worst("quantization, merging at weight 0.5, and 20 % pruning", found)


def _worst(what: str, found: Sequence[Record]) -> Check | None:
    """Of methods that leave their fingerprint in the weights, the weakest evidence."""
    names = _methods(private=False)
    found = [r for r in found if r.method in names and last(r, "log10_p_likelihood") is not None]
    if not found:
        return None
    worst = max(found, key=lambda r: value_of(r, "log10_p_likelihood"))
    bad = [r for r in found if value_of(r, "log10_p_likelihood") > ENOUGH]
    text = f"largest {words.p_value(value_of(worst, 'log10_p_likelihood'))} "
    text += f"({worst.case}, {worst.method}), of {len(found)} cases"
    in_text = [r for r in found if last(r, "log10_p_text") is not None]
    if in_text:
        spoken = max(in_text, key=lambda r: value_of(r, "log10_p_text"))
        text += f"; from text alone {words.p_value(value_of(spoken, 'log10_p_text'))} "
        text += f"({spoken.case}, {spoken.method})"
    if bad:
        above = sorted({f"{r.case} ({r.method})" for r in bad})
        text += f"; above it: {', '.join(above)}"
    expected = f"{', '.join(names)}: likelihood p ≤ 10⁻¹² after {what}"
    return Check(expected, text, BROKE if bad else HELD)


def _harmless(done: Sequence[Record]) -> list[Check]:
    found = []
    for r in done:
        measure = last(r, "accuracy_difference")
        if r.suite != "harmlessness" or measure is None or measure.low is None:
            continue
        covers = measure.low <= 0 <= (measure.high or 0)
        expected = f"{r.method}: accuracy on {r.case} within its 95 % interval of the base's"
        text = f"{points(measure)} points, {measure.n} items"
        found.append(Check(expected, text, HELD if covers else BROKE))
    return found


def _strangers(done: Sequence[Record]) -> list[Check]:
    found = []
    for r in done:
        if r.case == "guess-look-alikes":
            (measure,) = [m for m in r.measures if m.metric == "guess_rate"]
            held = measure.value == 0
            expected = f"{r.method}: no look-alike key fires"
            found.append(Check(expected, count(measure), HELD if held else BROKE))
    suspects = [r for r in done if r.case.startswith("unrelated")]
    claims = [r for r in done if r.case == "overclaim"]
    if suspects:
        wrong = [r.case for r in suspects if value_of(r, "match") > 0]
        text = ", ".join(wrong) or f"none of {len(suspects)}"
        found.append(Check("unrelated suspects never match", text, BROKE if wrong else HELD))
    if claims:
        wrong = [r.method for r in claims if value_of(r, "false_matches") > 0]
        total = sum(m.n or 0 for r in claims if (m := last(r, "false_matches")) is not None)
        text = ", ".join(wrong) or f"none of {total} false claims"
        found.append(Check("no false publisher matches", text, BROKE if wrong else HELD))
    return found
