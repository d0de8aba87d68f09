"""A trace as one page that loads nothing and runs nothing. It shows no key and no response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ifrs.pages import words
from ifrs.pages.environment import environment

FORMATS = ("ifrs/trace/v2", "ifrs/trace/v1")
# Bars of scores end here, in standard deviations of an innocent's score.
_WIDEST = 10.0


def render_trace(report: Mapping[str, Any]) -> str:
    """The page, as one string of HTML.

    Args:
        report: A mapping of format "ifrs/trace/v2", or of the one before.

    Raises:
        ImportError: jinja2 is missing.
        ValueError: It is of another format, or lacks a field.
    """
    if report.get("format") not in FORMATS:
        raise ValueError(f"this is no report of format {FORMATS[0]}")
    try:
        facts = _facts(report)
    except KeyError as missing:
        raise ValueError(f"the report lacks the field {missing}") from None
    return str(environment("ifrs.pages", "api").get_template("tracing.html.j2").render(**facts))


def _facts(report: Mapping[str, Any]) -> dict[str, Any]:
    spread = max(report["read"], 1) ** 0.5
    rows = [
        {
            "licensee": one["licensee"],
            "score": _signed(one["score"]),
            "sigmas": _signed(one["score"] / spread),
            "width": round(100 * min(max(one["score"] / spread, 0) / _WIDEST, 1)),
            "p": words.p_value(one["log10_p"]),
            "accused": one["accused"],
        }
        for one in report["ranked"]
    ]
    names = [str(name) for name in report["accused"]]
    asked = len(report["asked"])
    return {
        "headline": f"Made of the copy of {_listed(names)}" if names else "Nobody is accused",
        "suspect": report["target"]["name"],
        "set": report["set"],
        "alpha": words.threshold(report["alpha"]),
        "licensees": report["licensees"],
        "rows": rows,
        "read": report["read"],
        "asked": asked,
        "positions": report["positions"],
        "evidence": report["evidence"],
        "coalition": report["coalition"],
        "looks": report["looks"],
        "notes": report["notes"],
        "created": words.moment(report["created"]),
        "version": report["version"],
    }


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
