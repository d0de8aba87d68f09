"""Where the true colouring of a domain stands among all of them, drawn within the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_WIDTH, _HEIGHT, _BARS = 240, 60, 60


def drawn(pairs: int, green: int, spread: Sequence[Sequence[int]]) -> Any:
    """How many colourings have which share of green pairs, and which share the true one has.

    Args:
        pairs: Distinct pairs of words in all answers.
        green: How many of them are green under the true colouring.
        spread: All numbers of green pairs, each with how many colourings have it.
    """
    from markupsafe import Markup

    counts = [(int(count), int(of)) for count, of in spread]
    if not counts or pairs < 1:
        return Markup('<span class="note">{}</span>').format("no words were said")
    low, high = counts[0][0], max(counts[-1][0], green)
    width = max(high - low, 1) / _BARS
    bars = [0] * _BARS
    for count, of in counts:
        bars[min(int((count - low) / width), _BARS - 1)] += of
    most = max(bars)
    boxes = [
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            place * _WIDTH / _BARS,
            _HEIGHT * (1 - of / most),
            _WIDTH / _BARS,
            _HEIGHT * of / most,
        )
        for place, of in enumerate(bars)
        if of
    ]
    at = min((green - low) / max(high - low, 1), 1.0) * _WIDTH
    said = (
        f"The true colouring makes {green:,} of {pairs:,} pairs of words green "
        f"({green / pairs:.1%}); all 65,536 make {counts[0][0] / pairs:.1%} to "
        f"{counts[-1][0] / pairs:.1%} green."
    )
    drawing = (
        '<figure class="spread"><svg role="img" viewBox="0 -2 {} {}"><title>{}</title>{}'
        '<line x1="{:.1f}" x2="{:.1f}" y1="-2" y2="{}"/></svg><figcaption>{}</figcaption></figure>'
    )
    return Markup(drawing).format(
        _WIDTH, _HEIGHT + 2, said, Markup("").join(boxes), at, at, _HEIGHT, said
    )
