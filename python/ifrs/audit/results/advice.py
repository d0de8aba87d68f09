"""Recommendations, derived from the records alone: none where nothing was measured."""

from __future__ import annotations

from collections.abc import Sequence

from ifrs.audit.record import DONE, Record
from ifrs.audit.results.cells import by_method, count, last, number, percent, points, value_of
from ifrs.audit.results.expected import ENOUGH, benign
from ifrs.pages import words


def advice(records: Sequence[Record]) -> list[str]:
    """Sentences about method, source, template, number of keys and hardening."""
    done = [record for record in records if record.status == DONE]
    return [*_methods(done), *_choice(done), *_rare_rows(done), *_sources(done), *_variants(done)]


def worst_benign(
    done: Sequence[Record], method: str, metric: str = "log10_p_likelihood"
) -> tuple[float, str] | None:
    """The weakest evidence that a method leaves after benign changes, and after what."""
    found = [
        (measure.value, record.case)
        for record in done
        if record.method == method and benign(record)
        if (measure := last(record, metric)) is not None and measure.value is not None
    ]
    return max(found) if found else None


def _methods(done: Sequence[Record]) -> list[str]:
    found = []
    for method in by_method([r for r in done if r.suite == "effectiveness" and r.case == "plant"]):
        own = {r.case: r for r in done if r.method == method}
        parts = [f"planted in {number(last(own['plant'], 'planting_seconds'), '.0f')} s"]
        weakest = worst_benign(done, method)
        if weakest is not None:
            parts.append(
                f"weakest evidence after benign changes p = {words.p_value(weakest[0])} "
                f"({weakest[1]})"
            )
        in_text = worst_benign(done, method, "log10_p_text")
        if in_text is not None:
            parts.append(f"from text alone p = {words.p_value(in_text[0])} ({in_text[1]})")
        text = own.get("text")
        if text is not None:
            parts.append(
                f"KL {number(last(text, 'kl'))} nats, {percent(last(text, 'identical'))} of "
                "ordinary texts bit-identical"
            )
        for r in own.values():
            difference = last(r, "accuracy_difference")
            if r.suite == "harmlessness" and difference is not None:
                parts.append(f"accuracy {points(difference)} points on {r.case}")
        guess = own.get("guess-look-alikes")
        if guess is not None:
            rate = next((m for m in guess.measures if m.metric == "guess_rate"), None)
            parts.append(f"look-alikes that fire: {count(rate)}")
        found.append(f"**{method}**: {'; '.join(parts)}.")
    return found


def _choice(done: Sequence[Record]) -> list[str]:
    """The method that changes ordinary text least among those whose evidence lasts."""
    ranked = []
    for method in by_method(done):
        weakest = worst_benign(done, method)
        text = next((r for r in done if r.method == method and r.case == "text"), None)
        kl = last(text, "kl")
        if weakest is not None and kl is not None and kl.value is not None:
            ranked.append((weakest[0] > ENOUGH, kl.value, weakest[0], method))
    if len(ranked) < 2:
        return []
    short, _, _, best = min(ranked)
    why = "it changes ordinary text least" if not short else "none keeps p ≤ 10⁻¹² everywhere; "
    if short:
        best = min(ranked, key=lambda row: row[2])[3]
        why += f"{best} keeps most"
    else:
        why += " among the methods whose evidence stays at p ≤ 10⁻¹² after every benign change"
    return [f"**Method**: {best}, since {why}."]


def _rare_rows(done: Sequence[Record]) -> list[str]:
    """What is left of each method after the attack on rare rows, and what that costs."""
    parts = []
    for method in by_method(done):
        found = [
            (measure.value, r)
            for r in done
            if r.method == method and r.case.startswith("rows-unseen")
            if (measure := last(r, "log10_p_likelihood")) is not None and measure.value is not None
        ]
        if found:
            value, worst = max(found, key=lambda row: row[0])
            parts.append(
                f"{method} keeps p = {words.p_value(value)} ({worst.case.removeprefix('rows-')}, "
                f"KL {number(last(worst, 'kl_foreign'))} on other languages)"
            )
    if not parts:
        return []
    return [
        f"**Against attackers who spoil rare rows**: {'; '.join(parts)}. Where that matters, plant "
        "a second set by a method that keeps its evidence here."
    ]


def _sources(done: Sequence[Record]) -> list[str]:
    """Which keys pass for ordinary prompts."""
    record = next((r for r in done if r.case == "perplexity-filter"), None)
    if record is None:
        return []
    shares = {
        (m.task or "").removeprefix("whole: "): m.value
        for m in record.measures
        if (m.task or "").startswith("whole: ") and ", " in (m.task or "")
    }
    parts = [
        f"{source} {100 * (value or 0):.0f} %"
        for source, value in sorted(shares.items(), key=lambda pair: -(pair[1] or 0))
        if not source.startswith(("ordinary", "this set"))
    ]
    return [
        "**Source**, where a host filters prompts by perplexity: keys let through at the threshold "
        f"that passes 99 % of ordinary prompts: {', '.join(parts)}."
    ]


def _variants(done: Sequence[Record]) -> list[str]:
    found = [r for r in done if r.suite == "variants"]
    if not found:
        return []
    parts = [
        f"{r.case}: FSR {percent(last(r, 'fsr'))}, margin {number(last(r, 'margin_min'), '+.1f')}"
        for r in sorted(found, key=lambda r: -value_of(r, "margin_min"))
    ]
    return [
        f"**Source, template, number, hardening**, after downstream tuning: {'; '.join(parts)}."
    ]
