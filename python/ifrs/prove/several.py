"""Several sets asked of one suspect: a release may carry one that survives where another dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.files import write_json
from ifrs.prove.records import Query
from ifrs.prove.report import Report

FORMAT = "ifrs/reports/v1"


@dataclass
class Reports:
    """What several sets found out together; each report proves by itself, too.

    Whoever looks at k sets and takes the best has k chances: the p-value is k times the least one
    (Bonferroni 1936). So each set is asked at `alpha` / k.

    Attributes:
        reports: One for each set that was asked, in the sets' order.
        looks: How many sets could have been asked.
        alpha: The false-match rate of all together.
        verdict: "match" when p ≤ alpha; "no match" when every set was asked and none found
            anything although a descendant would have shown it; else "inconclusive".
        log10_p: Base-10 logarithm of the p-value.
        unasked: Names of sets that were not asked, since the evidence sufficed.
    """

    reports: list[Report]
    looks: int
    alpha: float
    verdict: str
    log10_p: float
    unasked: list[str]

    @classmethod
    def of(cls, reports: Sequence[Report], alpha: float, unasked: Sequence[str] = ()) -> Reports:
        """Weigh reports of one suspect, each of another set, verified at `alpha` / looks."""
        looks = len(reports) + len(unasked)
        log10_p = _core.bonferroni_log10([report.log10_p for report in reports], looks)
        verdicts = {report.verdict for report in reports}
        # A power of 0 or 1: whether silence would say something.
        power = float(verdicts == {"no match"} and not unasked)
        verdict = _core.judge(log10_p, alpha, power)
        return cls(list(reports), looks, alpha, verdict, log10_p, list(unasked))

    @property
    def p_value(self) -> float:
        """Bounds the probability of so much evidence from an independent model."""
        return float(10**self.log10_p)

    @property
    def fsr(self) -> float:
        """The share of all asked keys whose response occurs in the answer."""
        return sum(query.fired for query in self.queries) / max(len(self.queries), 1)

    @property
    def queries(self) -> list[Query]:
        """One record for each key that was asked, set by set."""
        return [query for report in self.reports for query in report.queries]

    def __len__(self) -> int:
        return len(self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def __getitem__(self, name: str) -> Report:
        """The report of the set of this name.

        Raises:
            KeyError: No set of that name was asked.
        """
        for report in self.reports:
            if report.set["name"] == name:
                return report
        raise KeyError(name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the verdict to a file, and each report beside it as `STEM.SET.json`.

        The reports hold keys in clear: keep them private. `Report.load` reads each.

        Raises:
            OSError: A file cannot be written.
        """
        for report in self.reports:
            report.save(beside(path, report.set["name"]))
        write_json(path, self.to_json(path))

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained page of all reports.

        Raises:
            ImportError: jinja2 or matplotlib is missing.
            OSError: The file cannot be written.
        """
        first, *rest = self.reports
        others = {report.set["name"]: report for report in rest}
        first.save_html(path, beside=others, label=first.set["name"])

    def to_json(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """The verdict as plain data, for a file of that name; it holds no keys."""
        return {
            "format": FORMAT,
            "verdict": self.verdict,
            "p_value": self.p_value,
            "log10_p": self.log10_p,
            "alpha": self.alpha,
            "looks": self.looks,
            "unasked": self.unasked,
            "reports": [
                {
                    "set": report.set["name"],
                    "file": beside(path, report.set["name"]).name,
                    "verdict": report.verdict,
                    "log10_p": report.log10_p,
                    "fsr": report.fsr,
                    "queries": len(report.queries),
                    "evidence": report.kind,
                }
                for report in self.reports
            ],
        }

    def __repr__(self) -> str:
        names = ", ".join(str(report.set["name"]) for report in self.reports)
        return f"Reports({self.verdict!r}, p_value={self.p_value:.2g}, sets=[{names}])"


def ask_each(
    verify_one: Callable[[FingerprintSet, float], Report],
    sets: Sequence[FingerprintSet],
    alpha: float,
    stops: bool,
) -> Reports:
    """Verify set by set, each at its share of `alpha`; `stops` after a match, to spend no more.

    Raises:
        ValueError: There is no set, or one of them twice.
    """
    names = [fps.name for fps in sets]
    if not sets or len(set(names)) < len(names):
        raise ValueError("give one set or more, each once")
    reports: list[Report] = []
    for fps in sets:
        reports.append(verify_one(fps, alpha / len(sets)))
        if stops and reports[-1].verdict == "match":
            break
    return Reports.of(reports, alpha, names[len(reports) :])


def beside(path: str | os.PathLike[str], name: str) -> Path:
    """Where the report of one set lies, beside the verdict on all."""
    place = Path(path)
    return place.with_name(f"{place.stem}.{quote(name, safe='')}{place.suffix or '.json'}")
