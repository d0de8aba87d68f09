"""One or several verification reports as a single HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ifrs.pages import plots, view
from ifrs.pages.environment import environment

_TITLE = "Model fingerprint verification"


def render_page(
    reports: Sequence[Mapping[str, Any]],
    *,
    labels: Sequence[str] | None = None,
    guesses: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> str:
    """The page, as one string of HTML.

    reports: mappings of format "ifrs/report/v6", v5, v4, v3 or v1, one verdict card each. labels:
    their names (the targets' names if left out). guesses: the outcome of asking keys that nobody
    planted.

    Prompts, responses and answers are shown in clear, always as text. ValueError says what is
    wrong with a report without quoting from it; ImportError says what to install.
    """
    if not reports:
        raise ValueError("a page needs at least one report")
    try:
        for report in reports:
            view.require_format(report)
        cards = view.cards(reports, labels)
        found = None if guesses is None else view.guesses(guesses)
    except KeyError as missing:
        raise ValueError(f"a report lacks the field {missing}") from None
    names = [card.label for card in cards]
    page = environment("ifrs.pages", "train").get_template("verification.html.j2")
    return page.render(
        title=title or _TITLE,
        cards=cards,
        guesses=found,
        evidence_plot=plots.evidence(reports, names),
        quantile_plot=plots.quantiles(reports, names),
        series_count=plots.SERIES,
    )
