"""Cells of tables from records: numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ifrs.audit.planting import every_method
from ifrs.audit.record import Measure, Record
from ifrs.pages import words

NONE = "–"
# What `outcome` says.
OUTCOME = "FSR · p, likelihood · p, text"


@dataclass(frozen=True)
class Table:
    """A table of ready text.

    Attributes:
        title: Its heading.
        note: What a reader needs to know before the numbers.
        columns: Heads of columns.
        rows: Cells.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def by_method(records: Iterable[Record]) -> list[str]:
    """Methods that occur, in the order of the tables."""
    found, order = {record.method for record in records}, [*every_method(), "base", "api"]
    return [name for name in order if name in found] + sorted(found.difference(order))


def p(measure: Measure | None) -> str:
    """A p-value from its logarithm."""
    return NONE if measure is None or measure.value is None else words.p_value(measure.value)


def percent(measure: Measure | None, digits: int = 0) -> str:
    """A share."""
    if measure is None or measure.value is None:
        return NONE
    return f"{100 * measure.value:.{digits}f} %".replace("-", "−")


def points(measure: Measure | None) -> str:
    """A difference of shares in points, with its interval."""
    if measure is None or measure.value is None:
        return NONE
    text = f"{100 * measure.value:+.2f}"
    if measure.low is not None and measure.high is not None:
        text += f" [{100 * measure.low:+.2f}, {100 * measure.high:+.2f}]"
    return text.replace("-", "−")


def number(measure: Measure | None, style: str = ".3g") -> str:
    """A number."""
    if measure is None or measure.value is None:
        return NONE
    return f"{measure.value:{style}}".replace("-", "−")


def count(measure: Measure | None) -> str:
    """A share as successes of trials, with the upper end of its interval."""
    if measure is None or measure.value is None or measure.n is None:
        return NONE
    text = f"{round(measure.value * measure.n)} of {measure.n}"
    if measure.high is None:
        return text
    upper = 100 * measure.high
    return f"{text} (≤ {upper:.{0 if upper >= 10 else 1}f} %)"


def last(record: Record | None, metric: str, task: str | None = None) -> Measure | None:
    """The last measure of a metric: after all steps."""
    if record is None:
        return None
    found = [m for m in record.measures if (m.metric, m.task) == (metric, task)]
    return found[-1] if found else None


def value_of(record: Record | None, metric: str) -> float:
    """The number of the last measure of a metric; 0 without one."""
    measure = last(record, metric)
    return 0.0 if measure is None or measure.value is None else measure.value


def outcome(record: Record | None, task: str | None = None) -> str:
    """FSR, and the p-values of weights and of text: "90 % · 5.0×10⁻⁴³ · 2.1×10⁻²⁰".

    A host that changes no weights leaves their evidence what it is, whatever the task.
    """
    fsr = last(record, "fsr", task)
    if record is None or fsr is None:
        return NONE
    weights = last(record, "log10_p_likelihood", task) or last(record, "log10_p_likelihood")
    return f"{percent(fsr)} · {p(weights)} · {p(last(record, 'log10_p_text', task))}"
