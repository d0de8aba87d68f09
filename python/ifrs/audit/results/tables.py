"""Records as tables that people read: the same on the page and in docs/results/results.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ifrs.audit.planting import class_of
from ifrs.audit.record import DONE, Measure, Record
from ifrs.audit.results.cells import (
    NONE,
    OUTCOME,
    Table,
    by_method,
    count,
    last,
    number,
    outcome,
    p,
    percent,
    points,
)
from ifrs.audit.results.endings import endings


def tables(records: Sequence[Record]) -> list[Table]:
    """Every table that the records fill."""
    done = [record for record in records if record.status == DONE]
    made = (make(done) for make in _TABLES)
    return [table for table in made if table.rows] + _gaps(records)


# Tables


def _of(records: Sequence[Record], suite: str, start: str = "") -> list[Record]:
    found = [r for r in records if r.suite == suite and r.case.startswith(start)]
    rank = {method: place for place, method in enumerate(by_method(found))}
    return sorted(found, key=lambda record: (record.case, rank[record.method]))


def _effectiveness(records: Sequence[Record]) -> Table:
    rows = []
    for r in _of(records, "effectiveness"):
        seconds, memory = last(r, "planting_seconds"), last(r, "peak_memory")
        rows.append(
            (
                r.method if r.case == "plant" else f"{r.method}, as it came",
                percent(last(r, "fsr")),
                p(last(r, "log10_p_likelihood")),
                p(last(r, "log10_p_text")),
                number(last(r, "margin_min"), "+.1f"),
                number(last(r, "planting_epochs"), ".0f"),
                number(seconds, ".0f"),
                NONE if memory is None else f"{(memory.value or 0) / 1e9:.1f} GB",
                number(last(r, "changed_weights"), ",.0f"),
            )
        )
    return Table(
        "Effectiveness and efficiency",
        "FSR_pre on the saved and reloaded model; the weakest response's lead in nats. Memory is "
        "the most the process had used so far, so it never falls from one row to the next.",
        (
            "method",
            "FSR",
            "p, likelihood",
            "p, text",
            "margin",
            "epochs",
            "seconds",
            "memory",
            "weights changed",
        ),
        tuple(rows),
    )


def _accuracy(records: Sequence[Record]) -> Table:
    rows = []
    for r in _of(records, "harmlessness"):
        parts = [m for m in r.measures if m.metric == "accuracy_difference" and m.task]
        outside = sum(_outside(m) for m in parts)
        whole = last(r, "accuracy_difference")
        shown = [(None, whole)] if whole else [(m.task, m) for m in parts]
        for task, difference in shown:
            rows.append(
                (
                    r.case if task is None else task,
                    r.method,
                    str((difference and difference.n) or ""),
                    percent(last(r, "accuracy_base", task), 2),
                    percent(last(r, "accuracy", task), 2),
                    points(difference),
                    percent(last(r, "answers_changed", task), 2),
                    f"{outside} of {len(parts)}" if task is None else NONE,
                )
            )
    return Table(
        "Harmlessness: zero-shot accuracy in pairs",
        "Fingerprinted minus base on the same items, in points, with the 95 % interval (Newcombe "
        "1998, method 10). The last column counts tasks whose own interval excludes zero: of many "
        "tasks some do by chance.",
        ("data", "method", "items", "base", "now", "difference", "answers changed", "tasks off"),
        tuple(rows),
    )


def _outside(measure: Measure) -> bool:
    low, high = measure.low, measure.high
    return low is not None and high is not None and not low <= 0 <= high


def _text(records: Sequence[Record]) -> Table:
    rows = [
        (
            r.method,
            number(last(r, "kl")),
            percent(last(r, "identical")),
            f"{number(last(r, 'perplexity_before'), '.2f')} → "
            f"{number(last(r, 'perplexity'), '.2f')}",
            number(last(r, "kl_foreign")),
        )
        for r in _of(records, "harmlessness", "text")
    ]
    return Table(
        "Harmlessness: ordinary text",
        "Mean next-token KL divergence from the base in nats, texts with bit-identical logits, "
        "perplexity, and KL on short texts in thirteen other languages.",
        ("method", "KL", "identical", "perplexity", "KL, other languages"),
        tuple(rows),
    )


def _persistence(records: Sequence[Record]) -> Table:
    rows = []
    for r in _of(records, "persistence"):
        end = last(r, "fsr")
        first, final = r.get("loss"), last(r, "loss")
        rows.append(
            (
                r.case,
                r.method,
                str(end.step if end else NONE),
                f"{number(first, '.2f')} → {number(final, '.2f')}",
                percent(r.get("fsr", step=0)),
                percent(end),
                p(last(r, "log10_p_likelihood")),
                p(last(r, "log10_p_text")),
                f"{number(r.get('margin_min', step=0), '+.1f')} → "
                f"{number(last(r, 'margin_min'), '+.1f')}",
            )
        )
    return Table(
        "Persistence: downstream tuning",
        "Full tuning of all weights, or LoRA of rank 16, on instruction data. The tuner's loss "
        "shows that it learnt; the margin is the weakest response's lead, before and after.",
        (
            "tuning",
            "method",
            "steps",
            "loss",
            "FSR before",
            "FSR after",
            "p, likelihood",
            "p, text",
            "margin",
        ),
        tuple(rows),
    )


def _deployment(records: Sequence[Record]) -> Table:
    found = [
        r
        for r in _of(records, "deployment")
        if r.case != "prompts" and not r.case.startswith(("sampling", "served-tied"))
    ]
    return _wide(
        "Deployment: quantization, pruning, merging",
        f"{OUTCOME}; in brackets the perplexity of ordinary text before and after, where weights "
        "were changed.",
        found,
        lambda r: f"{outcome(r)}{_costs(r)}",
        "change",
    )


def _served(records: Sequence[Record]) -> Table:
    rows = [
        (
            r.method,
            outcome(r),
            number(last(r, "kl")),
            percent(last(r, "tokens_changed"), 2),
            percent(last(r, "planted_mass"), 2),
            _costs(r).strip(" ()") or NONE,
        )
        for r in _of(records, "deployment", "served-tied")
    ]
    return Table(
        "Deployment: served with one table",
        "A release with two tables, of which an engine reads one: planted input rows are output "
        "rows, too. KL in nats, next tokens whose likeliest is another one, and the most "
        "probability that planted tokens have together at any place, all on ordinary text.",
        ("method", OUTCOME, "KL", "tokens changed", "most on planted rows", "perplexity"),
        tuple(rows),
    )


def _costs(record: Record) -> str:
    before, after = last(record, "perplexity_before"), last(record, "perplexity")
    if before is None or after is None:
        return ""
    return f" ({number(before, '.1f')} → {number(after, '.1f')})"


def _wide(
    title: str, note: str, found: Sequence[Record], cell: Callable[[Record], str], head: str
) -> Table:
    """One row a case, one column a method."""
    methods = by_method(found)
    cells = {(r.case, r.method): cell(r) for r in found}
    cases = list(dict.fromkeys(r.case for r in found))
    rows = tuple((case, *(cells.get((case, m), NONE) for m in methods)) for case in cases)
    return Table(title, note, (head, *methods), rows)


def _prompts(records: Sequence[Record]) -> Table:
    found = _of(records, "deployment", "prompts") + _of(records, "deployment", "sampling")
    return _tasks(
        "Deployment: system prompts, padding, chat template, sampling",
        f"{OUTCOME}. Text as through an API; likelihood is of the weights, under keys as planted.",
        found,
        lambda r, task: outcome(r, task),
        "fsr",
    )


def _tasks(
    title: str,
    note: str,
    found: Sequence[Record],
    cell: Callable[[Record, str | None], str],
    metric: str,
) -> Table:
    """One row a case and task, one column a method."""
    methods = by_method(found)
    keys: dict[tuple[str, str | None], dict[str, str]] = {}
    for r in found:
        for m in r.measures:
            if m.metric == metric:
                keys.setdefault((r.case, m.task), {})[r.method] = cell(r, m.task)
    rows = tuple(
        (case if task is None else f"{case}: {task}", *(own.get(m, NONE) for m in methods))
        for (case, task), own in keys.items()
    )
    return Table(title, note, ("case", *methods), rows)


def _guessing(records: Sequence[Record]) -> Table:
    return _tasks(
        "Attacks: guessing",
        "Prompts that fired, of those tried, with the upper end of the 95 % interval. Parts of "
        "real keys and keys with few characters replaced show how exact a guess must be.",
        _of(records, "attacks", "guess"),
        lambda r, task: count(last(r, "guess_rate", task)),
        "guess_rate",
    )


def _tuners(records: Sequence[Record]) -> Table:
    rows = []
    for r in [*_of(records, "attacks", "erase"), *_of(records, "attacks", "incremental")]:
        rows.append(
            (
                r.case,
                r.method,
                outcome(r),
                number(last(r, "margin_min"), "+.1f"),
                _costs(r).strip(" ()") or NONE,
                outcome(r, "attacker"),
            )
        )
    return Table(
        "Attacks: tuning",
        "erase-mismatched: MEraser-style mismatched answers under look-alike keys, then repair. "
        "incremental: the attacker plants a set of their own; the last column is that set.",
        ("attack", "method", OUTCOME, "margin", "perplexity", "attacker's set"),
        tuple(rows),
    )


def _rare_rows(records: Sequence[Record]) -> Table:
    rows = [
        (
            r.case.removeprefix("rows-"),
            r.method,
            outcome(r),
            percent(last(r, "rows_hit"), 1),
            percent(last(r, "key_tokens_hit")),
            percent(last(r, "tokens_hit"), 2),
            number(last(r, "kl")),
            number(last(r, "kl_foreign")),
        )
        for r in _of(records, "attacks", "rows")
    ]
    return Table(
        "Attacks: rare embedding rows",
        "unseen: rows whose tokens the attacker's ordinary texts never hold; foreign: rows of "
        "non-Latin letters late in the vocabulary; base: rows put back from the base model, where "
        "the attacker has it. KL in nats against the model before, on ordinary text and on other "
        "languages: what the attack costs.",
        (
            "rows",
            "method",
            OUTCOME,
            "rows hit",
            "key tokens hit",
            "ordinary tokens hit",
            "KL",
            "KL, other languages",
        ),
        tuple(rows),
    )


def _vocabularies(records: Sequence[Record]) -> Table:
    found = [
        r
        for start in ("vocabulary-trimmed", "tokenizer-transplant")
        for r in _of(records, "attacks", start)
    ]
    rows = [
        (
            r.case,
            r.method,
            outcome(r),
            percent(last(r, "rows_hit"), 1),
            percent(last(r, "key_tokens_hit")),
            percent(last(r, "encoded_alike")),
            percent(last(r, "rows_shared")),
            f"{number(last(r, 'bits_per_byte_before'), '.2f')} → "
            f"{number(last(r, 'bits_per_byte'), '.2f')}",
            number(last(r, "bits_per_byte_foreign"), ".2f"),
        )
        for r in found
    ]
    return Table(
        "Attacks: another vocabulary",
        "vocabulary-trimmed: only tokens of the attacker's ordinary English text stay. "
        "tokenizer-transplant: rows of another vocabulary, each the mean of the old rows that "
        "spell its token. The suspect is asked through its new tokenizer. Bits for each byte of "
        "ordinary text, before and after, and of other languages after.",
        (
            "attack",
            "method",
            OUTCOME,
            "rows gone",
            "key tokens gone",
            "texts cut alike",
            "rows copied",
            "bits per byte",
            "other languages",
        ),
        tuple(rows),
    )


def _directions(records: Sequence[Record]) -> Table:
    found = [*_of(records, "attacks", "abliterate"), *_of(records, "attacks", "distil")]
    rows = [
        (r.case, r.method, outcome(r), number(last(r, "kl")), _costs(r).strip(" ()") or NONE)
        for r in found
    ]
    return Table(
        "Attacks: directions taken out, and distillation",
        "abliterate: no layer writes along the direction between two sets of prompts any more. "
        "distil: a fresh copy of the base learns what the release answers to ordinary prompts. KL "
        "from the release in nats, on ordinary text.",
        ("attack", "method", OUTCOME, "KL", "perplexity"),
        tuple(rows),
    )


def _perplexity(records: Sequence[Record]) -> Table:
    found = _of(records, "attacks", "perplexity")
    rows = []
    for r in found:
        groups = dict.fromkeys(m.task.split(": ", 1)[1] for m in r.measures if m.task)
        rows += [
            (group, *(count(last(r, "passes_filter", f"{how}: {group}")) for how in _FILTERS))
            for group in groups
        ]
    return Table(
        "Attacks: perplexity filter",
        "Prompts let through by a filter whose threshold passes 99 % of other ordinary prompts: by "
        "the whole prompt's perplexity, and by its strangest eight tokens.",
        ("prompts", "whole prompt", "eight tokens"),
        tuple(rows),
    )


_FILTERS = ("whole", "window")


def _hosts(records: Sequence[Record]) -> Table:
    filtered = _of(records, "attacks", "output-filter")
    ruled = [
        r
        for start in ("suppress", "review", "paraphrase", "ensemble")
        for r in _of(records, "attacks", start)
    ]
    through = [
        f"{(m.task or '').removeprefix('ordinary: ')} {percent(m)} ({r.method})"
        for r in filtered
        for m in r.measures
        if m.metric == "passes_filter"
    ]
    kept = [
        f"{r.case} {percent(measure)} ({r.method})"
        for r in ruled
        if (measure := last(r, "answers_kept")) is not None
    ]
    return _tasks(
        "Attacks: hosts that suppress, filter or review answers",
        f"{OUTCOME}. Likelihood is of the weights, which hosts leave as they are. suppress-top-k "
        "forbids the k likeliest first tokens, suppress-neighbours the likeliest and what spells "
        "its word, suppress-look-ahead tokens that lead to what is near-certain here and odd "
        "elsewhere; an output filter blocks answers that look like a fingerprint's; review hands "
        "an answer back, and the second one counts; paraphrase words answers anew by rules; an "
        "ensemble says what another model holds likely, too. Ordinary answers let through: "
        f"{'; '.join(through) or NONE}. Ordinary answers that come out as before: "
        f"{'; '.join(kept) or NONE}.",
        [*ruled, *filtered],
        lambda r, task: outcome(r, task),
        "fsr",
    )


def _overclaim(records: Sequence[Record]) -> Table:
    rows = [
        (
            r.method,
            count(last(r, "false_matches")),
            p(last(r, "log10_p_best")),
            p(last(r, "log10_p_best_text")),
            percent(last(r, "below_5_percent"), 1),
            number(last(r, "forging_bits"), ".0f"),
        )
        for r in _of(records, "attacks", "overclaim")
    ]
    return Table(
        "Attacks: overclaim",
        "Other publishers' sets of ten keys asked of the fingerprinted model. Of their words' "
        "p-values at most 5 % may lie at or below 0.05. Forging: hash evaluations, as a power of "
        "two, to grind a claim as strong as the real one after the fact.",
        (
            "method",
            "false matches",
            "least p, likelihood",
            "least p, text",
            "words ≤ 0.05",
            "forging, bits",
        ),
        tuple(rows),
    )


def _baselines(records: Sequence[Record]) -> Table:
    rows = []
    for r in _of(records, "baselines"):
        if r.case.startswith("unrelated"):
            continue
        rows.append(
            (
                r.case,
                percent(r.get("fsr", step=0)),
                percent(last(r, "fsr")),
                p(last(r, "log10_p_likelihood")),
                p(last(r, "log10_p_text")),
                next((count(m) for m in r.measures if m.metric == "guess_rate"), NONE),
                _costs(r).strip(" ()") or NONE,
                r.note or "",
            )
        )
    return Table(
        "Baselines: plain recipes",
        "Planted by plain tuning, guessed, then tuned downstream as in the table on persistence.",
        (
            "recipe",
            "FSR",
            "FSR after tuning",
            "p after, likelihood",
            "p after, text",
            "look-alikes fire",
            "perplexity",
            "what",
        ),
        tuple(rows),
    )


def _unrelated(records: Sequence[Record]) -> Table:
    rows = [
        (
            r.case.removeprefix("unrelated-")
            + (", through our adapter" if class_of(r.method).private else ""),
            percent(last(r, "fsr")),
            p(last(r, "log10_p_likelihood")),
            p(last(r, "log10_p_text")),
            "match" if (last(r, "match") or Measure("", 0)).value else "no match",
        )
        for r in _of(records, "baselines", "unrelated")
    ]
    return Table(
        "Baselines: unrelated suspects",
        "Models that have nothing of the set: a match would be false.",
        ("suspect", "FSR", "p, likelihood", "p, text", "verdict"),
        tuple(rows),
    )


def _variants(records: Sequence[Record]) -> Table:
    rows = []
    for r in _of(records, "variants"):
        rows.append(
            (
                r.case,
                number(last(r, "planting_seconds"), ".0f"),
                percent(r.get("fsr", step=0)),
                next((count(m) for m in r.measures if m.metric == "guess_rate"), NONE),
                percent(last(r, "fsr")),
                p(last(r, "log10_p_likelihood")),
                p(last(r, "log10_p_text")),
                f"{number(r.get('margin_min', step=0), '+.1f')} → "
                f"{number(last(r, 'margin_min'), '+.1f')}",
            )
        )
    return Table(
        "Variants: source, template, number, margin, hardening",
        "Each planted, guessed, and tuned downstream on all weights.",
        (
            "variant",
            "seconds",
            "FSR",
            "look-alikes fire",
            "FSR after",
            "p, likelihood",
            "p, text",
            "margin",
        ),
        tuple(rows),
    )


def _threats(records: Sequence[Record]) -> Table:
    known = {r.case: r.threat for r in _of(records, "deployment") + _of(records, "attacks")}
    known |= {r.case: r.threat for r in _of(records, "persistence")}
    rows = tuple(
        (case, threat.paper, threat.access, threat.cost)
        for case, threat in known.items()
        if threat is not None
    )
    return Table(
        "What an attacker needs",
        "Where each attack is described, what somebody must have or know to do it, and what it "
        "takes them. The tables above say what else it costs: ordinary text, or other languages.",
        ("attack", "paper", "access", "cost"),
        rows,
    )


_TABLES = (
    endings,
    _effectiveness,
    _accuracy,
    _text,
    _persistence,
    _deployment,
    _served,
    _prompts,
    _guessing,
    _tuners,
    _rare_rows,
    _vocabularies,
    _directions,
    _perplexity,
    _hosts,
    _overclaim,
    _baselines,
    _unrelated,
    _variants,
    _threats,
)


def _gaps(records: Sequence[Record]) -> list[Table]:
    rows = tuple((r.name, r.status, r.reason or "") for r in records if r.status != DONE)
    note = "Nothing is left out silently: what was skipped or failed, and why."
    table = Table("Not measured", note, ("unit", "status", "reason"), rows)
    return [table] if rows else []
