"""The page of a sweep: its one script is its own, and what strangers wrote stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from ifrs.pages.sweep import TONES, render_sweep

pytest.importorskip("jinja2")

FACTS = {"alpha": 1e-6, "created": "2026-01-01T00:00:00Z", "version": "0"}


def row(suspect="a", verdict="no match", log10_p: float | None = -0.5, **changes):
    return {
        "suspect": suspect,
        "set": "one",
        "verdict": verdict,
        "log10_p": log10_p,
        "fsr": None if log10_p is None else 0.25,
        "queries": 4,
        "note": "",
        "report": None,
        **changes,
    }


def data(page):
    return json.loads(
        re.search(r'<script type="application/json" id="rows">(.*?)</script>', page)[1]
    )


def test_the_policy_allows_its_own_script_alone():
    page = render_sweep([row()], FACTS)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';" in page
    assert not re.search(r"\b(src|href)=|@import|url\(", page)
    assert "innerHTML" not in script


def test_what_strangers_wrote_stays_text():
    hostile = "</script><script>alert(1)</script>&amp;\u202e\u2028"
    page = render_sweep([row(hostile, note=hostile, set=hostile)], FACTS)
    assert page.count("<script") == 2
    assert "alert(1)</" not in page
    assert "\u202e" not in page
    found = data(page)[0]
    assert found[1] == found[2] == found[7]
    assert found[1].startswith("</script><script>alert(1)</script>&amp;[U+202E]")


def test_counts_headline_and_rows():
    rows = [row(verdict=verdict, log10_p=None) for verdict in TONES]
    rows += [row("b", "match", -300.5), row("b", "match", -12.0)]
    page = render_sweep(rows, FACTS)
    assert "2 suspects match." in page
    assert "<b>3</b>match" in page
    assert "at most 7.0×10⁻⁶" in page
    assert [one[3] for one in data(page)] == ["–"] * 5 + ["3.2×10⁻³⁰¹", "1.0×10⁻¹²"]
    assert "No suspect matches." in render_sweep([row()], FACTS)
    with pytest.raises(ValueError, match="verdict"):
        render_sweep([row(verdict="perhaps")], FACTS)


def test_the_script_knows_the_verdicts_in_their_order():
    """Rows name verdicts by their place."""
    page = render_sweep([row()], FACTS)
    assert f"const VERDICTS = {json.dumps(list(TONES))};" in page
    assert f"const TONES = {json.dumps(list(TONES.values()))};" in page
