"""`.csv` and `.tsv`: quotes, rows that are none, and columns by name."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from ifrs.scoring import tables
from ifrs.scoring.chunks import Chunk
from ifrs.scoring.tables import Table
from ifrs.scoring.unpacked import Unpacked


def read(content: bytes, folder: Path, column: str = "text", form: str = "csv") -> list[Chunk]:
    path = folder / f"t.{form}"
    path.write_bytes(content)
    return list(Table(Unpacked(path), form, column, path, 1 << 20))


def rows(chunks: list[Chunk]) -> dict[int, str]:
    return {
        int(row): text
        for chunk in chunks
        for row, text in zip(chunk.rows, chunk.texts, strict=True)
    }


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_what_csv_writes(form, tmp_path):
    texts = ["plain", 'a "quote", twice ""', "two\nlines", "two\r\nlines", "tab\there", "東京", ","]
    written = io.StringIO()
    writer = csv.writer(written, delimiter=tables.DELIMITERS[form])
    writer.writerow(["id", "text"])
    writer.writerows(enumerate(texts))
    for mark in (b"", b"\xef\xbb\xbf"):
        chunks = read(mark + written.getvalue().encode(), tmp_path, form=form)
        assert list(rows(chunks).values()) == texts
        assert not any(chunk.bad for chunk in chunks)


def test_a_byte_order_mark_hides_no_column(tmp_path):
    assert rows(read(b"\xef\xbb\xbftext\ncopper\n", tmp_path)) == {0: "copper"}
    assert rows(read(b'\xef\xbb\xbf"text",n\ncopper,1\n', tmp_path)) == {0: "copper"}


def test_rows_without_a_text_and_bad_ones_keep_their_numbers(tmp_path):
    content = b'id,text\n1,a\n2,\n3\n\n4,b,c\n5,\xff\n6,"x"y\n7,g\n8,"open'
    chunks = read(content, tmp_path)
    assert rows(chunks) == {0: "a", 6: "g"}
    assert sum(chunk.count for chunk in chunks) == 8
    assert sum(chunk.without for chunk in chunks) == 1
    bad = {row: why for chunk in chunks for row, why in chunk.bad}
    assert sorted(bad) == [2, 3, 4, 5, 7]
    assert "1 fields" in bad[2]
    assert "3 fields" in bad[3]
    assert bad[4] == "not UTF-8"


def test_columns_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="no column 'texts': the nearest is 'text'"):
        read(b"id,text\n1,a\n", tmp_path, "texts")
    with pytest.raises(ValueError, match="2 columns named 'a'"):
        read(b"a,b,a\n1,2,3\n", tmp_path, "a")
    with pytest.raises(ValueError, match="no column 'text'"):
        read(b"", tmp_path)


def test_an_open_quote_does_not_take_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_FIELD", 1000)
    before = csv.field_size_limit(1000)
    try:
        content = b'text\ngood\n"open\n' + b"x" * 90 * 100 + b"\nlast\n"
        chunks = read(content, tmp_path)
    finally:
        csv.field_size_limit(before)
    assert [row for chunk in chunks for row, _ in chunk.bad] == [1]
    assert rows(chunks)[0] == "good"


def test_large_fields_and_chunks(tmp_path):
    texts = ["x" * 200_000, "y" * 200_000, "z"]
    path = tmp_path / "t.csv"
    path.write_text("text\n" + "\n".join(texts) + "\n")
    chunks = list(Table(Unpacked(path), "csv", "text", path, 1000))
    assert rows(chunks) == dict(enumerate(texts))
    assert [chunk.first for chunk in chunks[:3]] == [0, 1, 2]
    assert chunks[-1].position == path.stat().st_size
