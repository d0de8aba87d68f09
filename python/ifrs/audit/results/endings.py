"""What ends a fingerprint, and what it costs whoever does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ifrs.audit.measures.fingerprints import ALPHA
from ifrs.audit.record import Measure, Record
from ifrs.audit.results.cells import NONE, OUTCOME, Table, by_method, last, number, p, percent

_PROOF = ("log10_p_likelihood", "log10_p_text")


def endings(records: Sequence[Record]) -> Table:
    """One row for each thing that others do to a release, those that end most first.

    Of a record with several tasks, such as filters, the worst one counts.
    """
    found = [r for r in records if r.threat is not None and any(_readings(r))]
    methods = by_method(found)
    cases = sorted({r.case for r in found}, key=lambda case: _standing(found, case))
    rows = tuple(_row(case, [r for r in found if r.case == case], methods) for case in cases)
    return Table(
        "What ends a fingerprint, and what it costs",
        f"{OUTCOME}, after each thing that others do; of several variants the worst. Ended: "
        "neither gives a match any more. Last, what somebody needs for it, and what it costs.",
        ("what is done", *methods, "needs", "costs"),
        rows,
    )


def _row(case: str, records: Sequence[Record], methods: Sequence[str]) -> tuple[str, ...]:
    by = {record.method: record for record in records}
    threat = records[0].threat
    assert threat is not None
    cells = (_cell(by[method]) if method in by else NONE for method in methods)
    return (case, *cells, threat.access, _cost(threat.cost, records))


def _cost(said: str, records: Sequence[Record]) -> str:
    """What it costs, and in perplexity where that was measured."""
    for record in records:
        before, after = last(record, "perplexity_before"), last(record, "perplexity")
        if before is not None and after is not None:
            return f"{said}; perplexity {number(before, '.1f')} → {number(after, '.1f')}"
    return said


def _cell(record: Record) -> str:
    found = [p(_worst(record, metric)) for metric in _PROOF]
    shown = " · ".join([percent(_worst(record, "fsr")), *found])
    return f"ended: {shown}" if _is_ended(record) else shown


def _is_ended(record: Record) -> bool:
    return all(10**value > ALPHA for value in _readings(record))


def _readings(record: Record) -> Iterator[float]:
    """The worst logarithm of p by each kind of evidence that was seen."""
    for metric in _PROOF:
        measure = _worst(record, metric)
        if measure is not None and measure.value is not None:
            yield measure.value


def _worst(record: Record, metric: str) -> Measure | None:
    """The last measure of a metric of the task that it is worst in."""
    tasks = dict.fromkeys(m.task for m in record.measures if m.metric == metric)
    found = [m for m in (last(record, metric, task) for task in tasks) if m is not None]
    sign = 1 if metric == "fsr" else -1  # a large p is bad
    known = [m for m in found if m.value is not None]
    return min(known, key=lambda m: sign * (m.value or 0.0), default=None)


def _standing(records: Sequence[Record], case: str) -> tuple[int, float]:
    """How much of the evidence is left: methods that still match, and the least p by text."""
    own = [record for record in records if record.case == case]
    left = sum(not _is_ended(record) for record in own) / len(own)
    return round(100 * left), min(min(_readings(record)) for record in own)
