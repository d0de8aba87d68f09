"""The page of a trace: plain words, no script, and what strangers wrote stays text."""

from __future__ import annotations

import re

import pytest
from ifrs.licences.report import Candidate, Trace
from ifrs.pages.tracing import render_trace

pytest.importorskip("jinja2")


def report(*accused, target="suspect", notes=()):
    ranked = [Candidate(name, 40.0, -9.0, True) for name in accused]
    ranked.append(Candidate("innocent", 2.0, -0.1, False))
    return Trace(
        ranked=ranked,
        alpha=1e-6,
        licensees=1000,
        coalition=2,
        readings={0: 1, 1: None, 2: 0},
        positions=4,
        looks=3,
        evidence="text",
        target={"kind": "api", "name": target},
        set_name="lic",
        seconds=1.0,
        notes=list(notes),
        created="2026-01-01T00:00:00Z",
    ).to_json()


def test_who_is_accused_stands_first():
    assert "<h1>Nobody is accused</h1>" in render_trace(report())
    assert "<h1>Made of the copy of a</h1>" in render_trace(report("a"))
    page = render_trace(report("a", "b", "c"))
    assert "<h1>Made of the copy of a, b and c</h1>" in page
    assert re.findall(r'data-label="Verdict"[^>]*>([^<]*)<', page) == ["accused"] * 3 + [
        "not accused"
    ]
    assert "2 of 3 positions" in page
    assert "1,000 licensees" in page
    assert "3 looks" in page


def test_scores_below_zero_have_a_minus_and_no_bar():
    found = report()
    found["ranked"][0]["score"] = -7.0
    page = render_trace(found)
    assert "−7.0" in page
    assert "-7.0" not in page
    assert 'style="width:0%"' in page


def test_strangers_words_stay_text_and_nothing_runs():
    bad = "<script>alert(1)</script>"
    page = render_trace(report(bad, target=bad, notes=[bad]))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4
    assert not re.search(r"(src|href)=", page)


def test_other_reports_are_refused():
    with pytest.raises(ValueError, match="no report"):
        render_trace({"format": "ifrs/report/v4"})
    with pytest.raises(ValueError, match="lacks the field 'ranked'"):
        render_trace({key: value for key, value in report().items() if key != "ranked"})


def test_a_trace_says_what_was_read():
    found = report("a")
    assert (found["read"], found["asked"]) == (2, [0, 1, 2])
    assert found["readings"] == [1, None, 0, None]
    assert found["accused"] == ["a"]
