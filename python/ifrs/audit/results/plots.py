"""Plots of an audit as SVG files that read on light and on dark ground."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from ifrs.audit.planting import every_method
from ifrs.audit.record import DONE, Record
from ifrs.audit.results.cells import by_method, last, value_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of methods, in their order; of what else there is.
_STYLES = (("#3b7dd8", "o"), ("#d9822b", "s"), ("#1fa187", "^"), ("#a3559e", "D"))
_INK, _MARK = "#808890", "x"
_NEEDED = 6  # -log10 of alpha
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.size": 10.0,
    "font.family": "sans-serif",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), _INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), _INK),
    "grid.color": _INK,
    "grid.alpha": 0.25,
}


def plots(records: Sequence[Record]) -> dict[str, tuple[str, str]]:
    """Every plot that the records fill: name to caption and SVG.

    Raises:
        ImportError: matplotlib is missing.
    """
    done = [record for record in records if record.status == DONE]
    found: dict[str, tuple[str, str]] = {}
    for case in sorted({r.case for r in done if r.suite == "persistence"}):
        own = [r for r in done if r.suite == "persistence" and r.case == case]
        slug = case.replace(":", "-")
        for kind, (metric, label, sign) in _ALONG.items():
            if any(m.metric == metric and m.step is not None for r in own for m in r.measures):
                caption = f"{label} along downstream tuning, {case}."
                draw = _along(own, metric, label, sign)
                found[f"{slug}-{kind}"] = (caption, _svg(f"{slug}-{kind}", draw))
    if any(last(r, "log10_p_likelihood") for r in done if r.suite == "deployment"):
        caption = "Evidence after each deployment change; the dashed line is the threshold of 1e-6."
        found["deployment"] = (caption, _svg("deployment", _evidence(done), tall=True))
    if any(last(r, "accuracy_difference") for r in done if r.suite == "harmlessness"):
        caption = "Accuracy, fingerprinted minus base, in points, with 95 % intervals."
        found["harmlessness"] = (caption, _svg("harmlessness", _differences(done)))
    return found


def _style(method: str) -> dict[str, Any]:
    """Colour and mark of a method."""
    colour, mark = dict(zip(every_method(), _STYLES, strict=False)).get(method, (_INK, _MARK))
    return {"color": colour, "marker": mark}


_ALONG = {
    "evidence": ("log10_p_likelihood", "−log10 p, likelihood", -1),
    "text": ("log10_p_text", "−log10 p, text", -1),
    "fsr": ("fsr", "FSR", 1),
    "margin": ("margin_min", "margin of the weakest key, nats", 1),
}


def _along(records: Sequence[Record], metric: str, label: str, sign: int) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for method in by_method(records):
            (record,) = [r for r in records if r.method == method]
            own = [m for m in record.measures if m.metric == metric and m.step is not None]
            axes.plot(
                [float(m.step or 0) for m in own],
                [sign * (m.value or 0.0) for m in own],
                label=method,
                **_style(method),
                linewidth=1.8,
            )
        if metric.startswith("log10_p"):
            axes.axhline(_NEEDED, color=_INK, linewidth=1, dashes=(5, 3))
        if metric == "fsr":
            axes.set_ylim(-0.03, 1.03)
        if metric == "margin_min":
            axes.axhline(0, color=_INK, linewidth=1, dashes=(5, 3))
        axes.set_xlabel("training steps")
        axes.set_ylabel(label)
        axes.legend(frameon=False)

    return draw


def _evidence(records: Sequence[Record]) -> Callable[[Axes], None]:
    found = [r for r in records if r.suite == "deployment" and last(r, "log10_p_likelihood")]
    found = [r for r in found if r.method != "base"]
    cases = sorted({r.case for r in found}, reverse=True)

    def draw(axes: Axes) -> None:
        for method in by_method(found):
            own = [r for r in found if r.method == method]
            axes.scatter(
                [-value_of(r, "log10_p_likelihood") for r in own],
                [cases.index(r.case) for r in own],
                label=method,
                **_style(method),
                s=32,
            )
        axes.axvline(_NEEDED, color=_INK, linewidth=1, dashes=(5, 3))
        axes.set_yticks(range(len(cases)), cases)
        axes.set_xlabel("−log10 p, likelihood")
        # Beside the points, which may lie anywhere.
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return draw


def _differences(records: Sequence[Record]) -> Callable[[Axes], None]:
    found = [
        (f"{r.case}, {r.method}", r.method, last(r, "accuracy_difference"))
        for r in records
        if r.suite == "harmlessness"
    ][::-1]

    def draw(axes: Axes) -> None:
        shown = [(name, method, m) for name, method, m in found if m is not None]
        for place, (_, method, m) in enumerate(shown):
            low, middle, high = (100 * (x or 0.0) for x in (m.low, m.value, m.high))
            colour = _style(method)["color"]
            axes.plot([low, high], [place, place], color=colour, linewidth=2)
            axes.plot([middle], [place], color=colour, marker="o")
        axes.axvline(0, color=_INK, linewidth=1, dashes=(5, 3))
        axes.set_yticks(range(len(shown)), [name for name, _, _ in shown])
        axes.margins(y=0.3)
        axes.set_xlabel("points")

    return draw


def _svg(name: str, draw: Callable[[Axes], None], *, tall: bool = False) -> str:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'ifrs[train]'") from error
    # A fixed salt gives the same bytes for the same records.
    style: Any = {**_STYLE, "svg.hashsalt": f"ifrs-audit-{name}"}
    with rc_context(style):
        figure = Figure(figsize=(6.2, 4.6 if tall else 3.2), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        draw(axes)
        out = StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=nothing)
    return out.getvalue()
