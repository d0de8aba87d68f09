"""What does not show is shown, and ordinary text of any script stays as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ifrs.visible import one_line, visible


@pytest.mark.parametrize(
    "text",
    [
        "plain, and two\n\tlines",
        "觉悟者恒幸福，花は桜木",
        "한국어 텍스트",
        "Ça m'énerve: naïve, Åse",
        unicodedata.normalize("NFD", "Việt Nam, phở"),
        "שָׁלוֹם עולם",
        "السَّلامُ عليكم ٪ \u0601\u0662",
        "नमस्ते दुनिया",
        "❤️ ☎︎ 1️⃣ 👍🏽 ↔️",
        "👨‍👩‍👧‍👦 🏳️‍🌈 👩🏽‍🚀",
        "no\u00a0break and\u3000wide",
    ],
)
def test_ordinary_text_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x00\x1b[31m\x7f\x85", "␀␛[31m␡[U+0085]"),
        ("a\u200bb\u200cc\u200dd\u2060e\ufefff", "a[U+200B]b[U+200C]c[U+200D]d[U+2060]e[U+FEFF]f"),
        ("so\u00adft", "so[U+00AD]ft"),
        ("\U000e0041\U000e007f", "[U+E0041][U+E007F]"),
        ("a\ufe0f\ufe00\U000e0100", "a[U+FE0F][U+FE00][U+E0100]"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f[U+FE0F]"),
        ("\ufe0f\u20e3", "[U+FE0F]\u20e3"),
        ("\u2028\u2029", "[U+2028][U+2029]"),
        ("\u061c\u200e\u200f\u202a\u202e\u2066\u2069", None),
        ("\u115f\u1160\u3164\uffa0\u180e\u034f\u17b4", None),
        ("\ud800", "[U+D800]"),
        ("z" + "\u0301" * 7 + "!", "z" + "\u0301" * 4 + "[U+0301]" * 3 + "!"),
    ],
)
def test_what_does_not_show_is_shown(text, shown):
    wanted = "".join(f"[U+{ord(c):04X}]" for c in text) if shown is None else shown
    assert visible(text) == wanted


def test_one_line():
    assert one_line("a\nb\tc\r\u2028") == "a␊b␉c␍[U+2028]"


@given(st.text(st.characters(codec=None)))
def test_nothing_hidden_is_left(text):
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode("utf-8")
    kept = [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert set(kept) <= {"\n", "\t"}
    assert not set(one_line(text)) & {"\n", "\t"}
