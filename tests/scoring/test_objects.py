"""Rows of JSON in Python: the same as `json` reads, whatever the pieces they come in."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ifrs.scoring import objects as module
from ifrs.scoring.objects import NoJson, objects
from ifrs.scoring.unpacked import Unpacked

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(content: bytes, form: str, folder: Path) -> list[object]:
    path = folder / "rows"
    path.write_bytes(content)
    with Unpacked(path) as file:
        return list(objects(file, form, path))


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(VALUES, max_size=6), pretty=st.booleans(), seed=st.integers(0, 1 << 30))
def test_arrays_in_pieces(rows, pretty, seed):
    whole = json.dumps(rows, indent=2 if pretty else None, ensure_ascii=seed % 2 == 0).encode(
        "utf-8", "surrogatepass"
    )
    dice = random.Random(seed)
    pieces, at = [], 0
    while at < len(whole):
        size = dice.randint(1, 9)
        pieces.append(whole[at : at + size])
        at += size
    assert list(module._array(iter(pieces))) == rows
    if len(rows) > 1:
        after = b"\n".join(json.dumps(row).encode() for row in ({}, *rows))
        cut = [after[i : i + 5] for i in range(0, len(after), 5)]
        assert list(module._array(iter(cut))) == [{}, *rows]


def test_a_byte_order_mark_is_no_part_of_a_row(tmp_path):
    mark = b"\xef\xbb\xbf"
    assert read(mark + b'{"a": 1}\n\n{"a": 2}', "jsonl", tmp_path) == [{"a": 1}, None, {"a": 2}]
    assert read(mark + b' [{"a": 1}]', "json", tmp_path) == [{"a": 1}]
    assert read(mark + b'{\n"a": 1}\n', "json", tmp_path) == [{"a": 1}]


@pytest.mark.parametrize("line", [b"{", b"NaN", b"\xff", b"[" * 100_000, b"{} {}"])
def test_lines_that_are_no_json_stand_between_others(line, tmp_path):
    first, bad, last = read(b"{}\n" + line + b"\n{}", "jsonl", tmp_path)
    assert (first, last) == ({}, {})
    assert isinstance(bad, NoJson)


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"{", 0),
        (b"[{}, ", 1),
        (b"[{} {}]", 1),
        (b"[{}, {]", 1),
        (b"[{}, NaN]", 1),
        (b"[] []", 0),
        (b"{} {", 1),
    ],
)
def test_an_array_that_breaks_names_its_row(content, row, tmp_path):
    with pytest.raises(ValueError, match=f"row {row}: not JSON"):
        read(content, "json", tmp_path)


def test_what_is_no_utf8_is_in_its_own_row(tmp_path):
    first, bad, last = read(b'["a", "\xff", "b"]', "json", tmp_path)
    assert (first, last) == ("a", "b")
    with pytest.raises(UnicodeEncodeError):
        str(bad).encode()


def test_values_one_after_the_other(tmp_path):
    assert read(b'{"a":\n1}\n{"a": 2}{"a": 3}\n', "json", tmp_path) == [{"a": i} for i in (1, 2, 3)]
    assert read(b" \n", "json", tmp_path) == []


def test_a_long_array_is_not_in_memory(tmp_path, monkeypatch):
    """No more of the text is held than some rows take."""
    held = []
    more = module._Window._more

    def watched(self, size):
        result = more(self, size)
        held.append(len(self._text))
        return result

    monkeypatch.setattr(module._Window, "_more", watched)
    rows = [{"n": i, "text": "x" * 1000} for i in range(2000)]
    assert read(json.dumps(rows).encode(), "json", tmp_path) == rows
    assert max(held) < 300_000
