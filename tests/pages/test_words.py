"""Numbers and letters as a reader meets them on the pages."""

from __future__ import annotations

import pytest
from ifrs.pages import words


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("Please decrypt: naïve Łódź – “yes”", ""),
        ("message 晏福x", "U+664F U+798F"),
        ("変更 Б", "U+5909 U+66F4 U+0411"),
        ("𐐷", "U+10437"),
    ],
)
def test_letters_beyond_latin_by_number(text, points):
    assert words.code_points(text) == points
