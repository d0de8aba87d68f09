"""The drawing of where a domain's true colouring stands."""

import re

from ifrs.pages.spread import drawn

SPREAD = [[20, 10], [25, 65_000], [30, 525], [60, 1]]


def test_all_colourings_and_the_true_one_are_drawn():
    html = str(drawn(100, 60, SPREAD))
    assert "60 of 100 pairs" in html
    assert "(60.0%)" in html
    assert "20.0% to 60.0% green" in html
    assert len(re.findall("<rect", html)) == 4
    assert 'x1="240.0"' in html
    assert 'x1="0.0"' in str(drawn(100, 20, SPREAD))


def test_the_tallest_bar_is_as_high_as_the_drawing():
    heights = [
        float(found) for found in re.findall(r'height="([\d.]+)"', str(drawn(9, 1, [[1, 7]])))
    ]
    assert heights == [60.0]


def test_nothing_said_is_said_so():
    for pairs, spread in ((0, [[0, 65_536]]), (5, [])):
        assert "no words were said" in str(drawn(pairs, 0, spread))
