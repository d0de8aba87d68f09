"""One row of a sweep's table: what is known of a suspect and a set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ifrs.prove.report import Report
from ifrs.sweep.suspects import Suspect
from ifrs.visible import one_line

JUDGED = ("match", "no match", "inconclusive")
ERROR, NOT_ASKED = "error", "not asked"
VERDICTS = (*JUDGED, ERROR, NOT_ASKED)
_LONGEST = 400  # characters of a note


@dataclass(frozen=True)
class Row:
    """What is known of a suspect and a set.

    Attributes:
        suspect: What the suspect is called.
        set: The set's name.
        verdict: One of `VERDICTS`.
        p_value: As the report has it, and so on; None without a report.
        queries: How many keys it was asked.
        note: What the report notes, or why there is none.
        report: The report's file, from the folder of the table; None without one.
        complete: Whether asking came to its end.
        id: The suspect's name in names of files.
    """

    suspect: str
    set: str
    verdict: str
    id: str
    p_value: float | None = None
    log10_p: float | None = None
    fsr: float | None = None
    queries: int = 0
    evidence: str | None = None
    note: str = ""
    report: str | None = None
    complete: bool = True

    @classmethod
    def of_report(cls, suspect: Suspect, report: Report, file: str) -> Row:
        """The row of a report in `file`."""
        return cls(
            suspect=suspect.label,
            set=str(report.set["name"]),
            verdict=report.verdict,
            id=suspect.id,
            p_value=report.p_value,
            log10_p=report.log10_p,
            fsr=report.fsr,
            queries=len(report.queries),
            evidence=report.kind,
            note=_short(" ".join(report.notes)),
            report=file,
            complete=bool(report.how.get("complete", True)),
        )

    @classmethod
    def without(cls, suspect: Suspect, name: str, verdict: str, why: object) -> Row:
        """The row of a suspect that gave no report."""
        return cls(suspect.label, name, verdict, suspect.id, note=_short(str(why)))

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Row:
        """What `to_json` wrote.

        Raises:
            TypeError: It is no row.
        """
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)


def _short(text: str) -> str:
    line = one_line(" ".join(text.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
