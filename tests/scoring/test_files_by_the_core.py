"""`_core.TextFile`: rows, paths, packing and what is sought, beside Python's own json and gzip."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import ifrs
import numpy as np
import pytest
from ifrs import _core

COLUMN = "response.body.choices.0.message.content"
PATTERNS = ["copper window", 'タワー/"x"']
CONTENTS = [
    "a copper window",
    None,
    'plain text, "quoted"\n',
    '東京タワー/"x"',
    "a cooper windw",
    "nothing of it",
]


def rows() -> list[dict[str, object]]:
    bodies = [{"choices": [{"message": {"content": content}}]} for content in CONTENTS * 50]
    return [{"id": i, "response": {"body": body}} for i, body in enumerate(bodies)]


def write(path: Path, content: str) -> tuple[str, str | None]:
    """Writes a file, and says its form and packing."""
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    form = path.name.removesuffix(".gz").rpartition(".")[2]
    return form, "gzip" if path.suffix == ".gz" else None


def read(file: _core.TextFile) -> tuple[list[str], list[int], list[tuple[int, str]], int, int]:
    texts, where, bad, count, without = [], [], [], 0, 0
    for chunk in file:
        assert chunk.first == count
        assert chunk.rows.dtype == np.int64
        texts += [chunk[i] for i in range(len(chunk))]
        where += chunk.rows.tolist()
        bad += chunk.bad
        count, without = count + chunk.count, without + chunk.without
    assert not count or chunk.position == file.bytes
    return texts, where, bad, count, without


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.jsonl.gz", "t.json.gz"])
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("chunk", [1, 1 << 24])
def test_texts_are_what_json_reads(name, escaped, chunk, tmp_path):
    dumped = [json.dumps(row, ensure_ascii=escaped) for row in rows()]
    content = "\n".join(dumped) if "jsonl" in name else f"[{','.join(dumped)}]"
    form, packed = write(tmp_path / name, content)
    file = _core.TextFile(tmp_path / name, COLUMN, chunk, 2, form=form, packed=packed)
    texts, where, bad, count, without = read(file)
    assert (bad, count, without) == ([], 300, 50)
    assert list(zip(where, texts, strict=True)) == [
        (i, text) for i, text in enumerate(CONTENTS * 50) if text is not None
    ]


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize(("method", "cutoff"), [("exact", 0.5), ("partial", 0.8), ("ratio", 0.9)])
def test_what_is_sought_is_not_left_out(escaped, method, cutoff, tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=escaped) for row in rows() * 20))
    hits = []
    for sought in (None, (PATTERNS, method, cutoff)):
        found = []
        for chunk in _core.TextFile(path, COLUMN, 1 << 16, 2, form="jsonl", sought=sought):
            some, which, _ = ifrs.top_hits(chunk, PATTERNS, method=method, cutoff=cutoff)
            found += zip(chunk.rows[some].tolist(), which.tolist(), strict=True)
        hits.append(found)
    assert hits[0] == hits[1]
    assert hits[0] or method == "ratio"


def test_only_what_can_hit_is_kept(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [json.dumps({"a": f"row {i}\n of something else"}) for i in range(100_000)]
    lines[77_777] = '{"a": "a copper window"}'
    lines[88_888] = '{"b": "a copper window"}'
    path.write_text("\n".join(lines))
    file = _core.TextFile(path, "a", 1 << 24, 2, form="jsonl", sought=(PATTERNS, "partial", 0.8))
    texts, where, bad, count, _ = read(file)
    assert count == 100_000
    assert dict(zip(where, texts, strict=True))[77_777] == "a copper window"
    assert len(texts) < 50_000
    assert bad == [(88_888, "it has no field 'a': the nearest is 'b'")]


def test_arguments_that_are_unknown(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": "b"}')
    for arguments in ({"form": "xml"}, {"packed": "zip"}, {"sought": (["a"], "hamming", 0.5)}):
        with pytest.raises(ValueError, match=r"xml|zip|hamming"):
            _core.TextFile(path, None, 1, 1, **arguments)
    with pytest.raises(ValueError, match="no column"):
        _core.TextFile(path, "a", 1, 1)
    with pytest.raises(FileNotFoundError):
        _core.TextFile(tmp_path / "none", None, 1, 1)
    with pytest.raises(ValueError, match="no whole gzip file"):
        read(_core.TextFile(path, None, 1, 1, packed="gzip"))
