"""A sweep's table as one page: it loads nothing, and runs one small script that is part of it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from ifrs.pages import words
from ifrs.pages.environment import environment
from ifrs.visible import one_line

# Each verdict with the name of its colours, in the order in which they are counted.
TONES = {
    "match": "match",
    "inconclusive": "open",
    "error": "bad",
    "not asked": "open",
    "no match": "none",
}
_NONE = "–"


def render_sweep(rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """The page, as one string of HTML. It shows no key and no response.

    Args:
        rows: `suspect`, `set`, `verdict`, `p_value`, `log10_p`, `fsr`, `queries`, `note` and
            `report` of each pair, in the order in which they are shown first.
        facts: `alpha`, `created` (RFC 3339) and `version`.

    Raises:
        ImportError: jinja2 is missing.
        ValueError: A row has a verdict that this version does not know.
    """
    for row in rows:
        if row["verdict"] not in TONES:
            raise ValueError("a verdict that this version does not know")
    script = files("ifrs.pages").joinpath("templates/sweep.js").read_text(encoding="utf-8")
    counts = Counter(row["verdict"] for row in rows)
    page = environment("ifrs.pages", "api").get_template("sweep.html.j2")
    return str(
        page.render(
            headline=_headline(rows),
            counts=[(name, tone, counts[name]) for name, tone in TONES.items() if counts[name]],
            total=len(rows),
            suspects=len({row["suspect"] for row in rows}),
            sets=list(dict.fromkeys(str(row["set"]) for row in rows)),
            alpha=words.threshold(facts["alpha"]),
            by_chance=words.p_value(math.log10(max(1, len(rows)) * facts["alpha"])),
            created=words.moment(facts["created"]),
            version=facts["version"],
            data=_data(rows),
            script=_markup(script),
            digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _headline(rows: Sequence[Mapping[str, Any]]) -> str:
    found = len({row["suspect"] for row in rows if row["verdict"] == "match"})
    if not found:
        return "No suspect matches."
    return "1 suspect matches." if found == 1 else f"{found:,} suspects match."


def _data(rows: Sequence[Mapping[str, Any]]) -> Any:
    """The rows as JSON that ends no script element."""
    tones = list(TONES)
    cells = [
        [
            tones.index(row["verdict"]),
            one_line(str(row["suspect"])),
            one_line(str(row["set"])),
            _NONE if row["log10_p"] is None else words.p_value(row["log10_p"]),
            row["log10_p"],
            row["fsr"],
            row["queries"],
            one_line(str(row["note"])),
            row["report"],
        ]
        for row in rows
    ]
    text = json.dumps(cells, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return _markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)
