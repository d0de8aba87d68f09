"""The two plots of the page, as inline SVG that takes its colours from the page's style sheet.

matplotlib draws with placeholder colours; afterwards each placeholder becomes a CSS variable, so
that one drawing serves light, dark and print. What reports say never enters the drawing: labels
stand in an HTML legend and, escaped, in the description.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from ifrs.pages import words
from ifrs.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES = 6  # looks; a seventh report wears the first look again
_SERIES = tuple(f"#a1b2c{k}" for k in range(1, SERIES + 1))
_DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    "solid",
    "solid",
)
_MARKERS = ("o", "s", "^", "D", "v", "P")
_INK, _MUTED, _GRID, _PANEL, _LIMIT = "#a1b2d1", "#a1b2d2", "#a1b2d3", "#a1b2d4", "#a1b2d5"
_VARIABLES = {
    **{colour: f"var(--series-{k})" for k, colour in enumerate(_SERIES, 1)},
    _INK: "currentColor",
    _MUTED: "var(--muted)",
    _GRID: "var(--line)",
    _PANEL: "var(--panel)",
    _LIMIT: "var(--limit)",
}
_SIZE = (5.8, 4.0)  # inches of 72 user units: about the width of the column, so text keeps its size
_STYLE = {
    "svg.fonttype": "none",  # text as text: it is small, selectable, and in the page's own font
    "font.size": 11.0,
    "text.color": _INK,
    "axes.labelcolor": _MUTED,
    "axes.edgecolor": _MUTED,
    "axes.linewidth": 0.8,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "text.usetex": False,
}


def evidence(reports: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> str:
    """The e-value after each query, one step line per report, against the thresholds 1/α."""
    lines = [_gathered(report) for report in reports]
    limits = sorted({-math.log10(report["alpha"]) for report in reports})

    def draw(axes: Axes) -> None:
        most = max(len(line) for line in lines) - 1
        for limit in limits:
            _limit_line(axes, limit)
        for k, line in enumerate(lines):
            _step_line(axes, k, line)
        top = max([*limits, *(max(line) for line in lines)])
        bottom = min(0.0, *(min(line) for line in lines))
        axes.set_xlim(0, max(1, most) * 1.04)
        axes.set_ylim(bottom * 1.08, top * 1.08)
        axes.set_xlabel("queries asked")
        axes.set_ylabel("e-value so far", labelpad=10)
        _whole_ticks(axes, sign=1)

    return _svg("evidence", draw, "Evidence gathered, query by query", labels)


def quantiles(reports: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> str:
    """Every rank as a p-value, against the uniform quantiles that an independent model follows."""
    samples = [_rank_evidence(report) for report in reports]

    def draw(axes: Axes) -> None:
        pooled = [value for sample in samples for value in sample]
        expected = [_uniform(len(sample)) for sample in samples]
        right = max([1.0, *(value for values in expected for value in values)]) * 1.08
        axes.plot([0, right], [0, right], color=_LIMIT, linewidth=1.4, dashes=(6, 3), zorder=1.5)
        for k, (x, y) in enumerate(zip(expected, samples, strict=True)):
            _points(axes, k, x, y)
        axes.set_xlim(-0.04 * right, right)
        axes.set_ylim(-0.04 * right, max([right, *pooled]) * 1.08)
        axes.set_xlabel("p-value expected of an independent model")
        axes.set_ylabel("p-value of each rank", labelpad=10)
        _whole_ticks(axes, sign=-1, both=True)

    return _svg("quantiles", draw, "Each rank against pure chance", labels)


def _gathered(report: Mapping[str, Any]) -> list[float]:
    """log10 of the e-value after 0, 1, 2, … queries."""
    steps = [query.get("cumulative_log10_e") for query in report["queries"]]
    return [0.0, *(words.finite(s, "cumulative_log10_e") for s in steps if s is not None)]


def _rank_evidence(report: Mapping[str, Any]) -> list[float]:
    """-log10 p of every rank, the strongest first."""
    found = [p for query in report["queries"] for p in query.get("word_p_values") or ()]
    return sorted((-math.log10(p) for p in found if 0 < p <= 1), reverse=True)


def _uniform(count: int) -> list[float]:
    """-log10 of the mean order statistics of `count` uniform draws."""
    return [-math.log10(k / (count + 1)) for k in range(1, count + 1)]


def _limit_line(axes: Axes, limit: float) -> None:
    """The threshold, named at the right: there a strong line is above it, a weak one below."""
    axes.axhline(limit, color=_LIMIT, linewidth=1.4, dashes=(6, 3), zorder=1.5)
    axes.annotate(
        f"1/α = {words.threshold(10**limit)}",
        xy=(1, limit),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 4),
        textcoords="offset points",
        color=_LIMIT,
        ha="right",
        va="bottom",
    )


def _step_line(axes: Axes, k: int, line: Sequence[float]) -> None:
    look = k % SERIES
    axes.step(
        range(len(line)),
        line,
        where="post",
        color=_SERIES[look],
        linestyle=_DASHES[look],
        linewidth=2.2,
        zorder=3,
    )
    _points(axes, k, [len(line) - 1], [line[-1]])


def _points(axes: Axes, k: int, x: Sequence[float], y: Sequence[float]) -> None:
    # An edge in the panel's colour keeps neighbours apart where many fall on one spot.
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=_MARKERS[k % SERIES],
        markersize=7,
        markerfacecolor=_SERIES[k % SERIES],
        markeredgecolor=_PANEL,
        markeredgewidth=0.9,
        clip_on=False,
        zorder=4,
    )


def _whole_ticks(axes: Axes, *, sign: int, both: bool = False) -> None:
    """Ticks at whole exponents, written as the powers of ten they stand for."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    written = FuncFormatter(lambda value, _: words.power_of_ten(sign * round(value)))
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(written)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if both:
        axes.xaxis.set_major_formatter(written)


def _svg(name: str, draw: Callable[[Axes], None], title: str, labels: Sequence[str]) -> str:
    figure_type, context = _matplotlib()
    # A fixed salt gives the same bytes for the same report; one for each plot keeps ids apart.
    with context({**_STYLE, "svg.hashsalt": f"ifrs-{name}"}):
        figure = figure_type(figsize=_SIZE, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0, pad=6)
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        draw(axes)
        drawn = _drawn(figure)
    described = f"{title}. Reports shown: {', '.join(labels)}."
    return _inlined(drawn, f"plot-{name}", title, described)


def _drawn(figure: Figure) -> str:
    out = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # no metadata block at all
    figure.savefig(out, format="svg", metadata=nothing)
    return out.getvalue()


def _matplotlib() -> tuple[type[Figure], Any]:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("the HTML report needs matplotlib: pip install 'ifrs[train]'") from error
    return Figure, rc_context


def _inlined(drawn: str, prefix: str, title: str, description: str) -> str:
    """The bare <svg> element for an HTML page: own ids, own colours, a name, no global style."""
    body = drawn[drawn.index("<svg") :]
    body = body[body.index(">") + 1 :]
    # matplotlib's style element says "*{…}", which inside HTML would reach the whole page.
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)  # the page's font
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    width, height = (round(72 * side) for side in _SIZE)
    head = (
        f'<svg class="plot" role="img" viewBox="0 0 {width} {height}"'
        f' aria-labelledby="{prefix}-title" aria-describedby="{prefix}-description">'
        f'<title id="{prefix}-title">{html.escape(title)}</title>'
        f'<desc id="{prefix}-description">{html.escape(visible(description))}</desc>'
    )
    return head + body.strip()
