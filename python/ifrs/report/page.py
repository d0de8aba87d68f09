"""One or several verification reports as a single HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ifrs.report import plots, view

if TYPE_CHECKING:
    from jinja2 import Environment

_TITLE = "Model fingerprint verification"


def render_page(
    reports: Sequence[Mapping[str, Any]],
    *,
    labels: Sequence[str] | None = None,
    guesses: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> str:
    """The page, as one string of HTML.

    reports: mappings of format "ifrs/report/v1", one verdict card each. labels: what to call them
    (the targets' names if left out). guesses: the outcome of asking keys that nobody planted.

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
    page = _environment().get_template("report.html.j2")
    return page.render(
        title=title or _TITLE,
        cards=cards,
        guesses=found,
        evidence_plot=plots.evidence(reports, names),
        quantile_plot=plots.quantiles(reports, names),
        series_count=plots.SERIES,
    )


def _environment() -> Environment:
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise ImportError("the HTML report needs jinja2: pip install 'ifrs[train]'") from error
    # Escaping is on for every template: jinja2's own choice goes by file name, and by that rule
    # "report.html.j2" would go unescaped.
    return Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> str:
    return files("ifrs.report").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
