"""The guide reads easily: what counts as prose, and that pages keep to it."""

from __future__ import annotations

import pytest
import reading

PAGE = """# A heading counts for nothing

Short sentence here. This one has `code` and a [link](nowhere.md) and 0.25 in it.

```python
code = "is no prose. At all."
```

| a | table |
| --- | --- |
| is | none |

- An item without an end
- and another one
"""


def test_what_is_prose():
    assert reading.sentences(PAGE) == [
        "Short sentence here.",
        "This one has code and a link and 9 in it.",
        "An item without an end",
        "and another one",
    ]
    assert reading.median_words(PAGE) == 4


@pytest.mark.parametrize("path", reading.pages(), ids=lambda path: path.stem)
def test_sentences_are_short(path):
    assert reading.median_words(path.read_text(encoding="utf-8")) <= reading.LONGEST_MEDIAN


@pytest.mark.parametrize("path", reading.pages(), ids=lambda path: path.stem)
def test_words_are_short(path):
    pytest.importorskip("textstat", reason="it counts syllables; tools/reading.py says how")
    assert reading.ease(path.read_text(encoding="utf-8")) >= reading.LEAST_EASE
