"""Nested columns of Parquet reach what the same path reaches in the rows as Python has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ifrs.scoring.chunks import Chunk
from ifrs.scoring.columns import Columns, open_parquet
from ifrs.scoring.paths import gather, tree_of

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "a.b": "dotted",
        "turns": [{"from": "human", "value": "one"}, {"from": "gpt", "value": "two"}],
        "body": {"choices": [{"message": {"content": "hello"}}, {"message": {"content": None}}]},
        "lists": [["x"], [], ["y", "z"]],
    },
    {"id": 2, "a.b": None, "turns": None, "body": None, "lists": None},
    {"id": 3, "a.b": "", "turns": [], "body": {"choices": []}, "lists": []},
    {
        "id": 4,
        "a.b": "d",
        "turns": [{"from": "gpt", "value": None}, None, {"from": None, "value": "none"}],
        "body": {"choices": [None, {"message": None}]},
        "lists": [None, ["w"]],
    },
]
ROWS *= 3


def read(path: Path, *paths: str) -> list[Chunk]:
    return list(Columns(open_parquet(path, path), paths, path))


def texts(chunks: list[Chunk]) -> list[tuple[int, str]]:
    pairs = [
        (int(row), text)
        for chunk in chunks
        for row, text in zip(chunk.rows, chunk.texts.to_pylist(), strict=True)
    ]
    return [(row, text) for row, text in pairs if text is not None]


def expected(*paths: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for row, value in enumerate(ROWS):
        for path in paths:
            texts: list[str] = []
            gather({**value, "a": {"b": value["a.b"]}}, tree_of([path]), texts)
            found += [(row, text) for text in texts]
    return found


@pytest.fixture(params=["list", "large_list", "sliced"])
def file(request, tmp_path, monkeypatch) -> Path:
    table = pa.Table.from_pylist(ROWS)
    if request.param == "large_list":
        schema = pa.schema([(f.name, _large(f.type)) for f in table.schema])
        table = pa.Table.from_pylist(ROWS, schema)
    if request.param == "sliced":
        monkeypatch.setattr("ifrs.scoring.columns.BATCH_ROWS", 3)
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=5)
    return tmp_path / "t.parquet"


def _large(kind: Any) -> Any:
    if pa.types.is_list(kind):
        return pa.large_list(_large(kind.value_type))
    return kind


@pytest.mark.parametrize(
    "path",
    [
        "a.b",
        "turns.*.value",
        "turns.*[from=gpt].value",
        "turns.*[from=gpt|human].value",
        "body.choices.*.message.content",
        "lists.*.*",
    ],
)
def test_paths(path, file):
    chunks = read(file, path)
    assert texts(chunks) == expected(path)
    assert sum(chunk.count for chunk in chunks) == len(ROWS)
    with_text = len({row for row, _ in expected(path)})
    assert sum(chunk.without for chunk in chunks) == len(ROWS) - with_text
    assert not any(chunk.bad for chunk in chunks)


def test_places(file):
    chunks = read(file, "turns.1.value")
    assert texts(chunks) == expected("turns.1.value")
    bad = [(row, why) for chunk in chunks for row, why in chunk.bad]
    assert bad == [(row, "no place 1 in a list of 0") for row in (2, 6, 10)]
    assert sum(chunk.without for chunk in chunks) == 6  # A list that is null, and a place.


def test_some_paths_together(file):
    paths = ("turns.*[from=gpt].value", "not.there", "turns.*.from", "turns")
    assert texts(read(file, *paths)) == expected("turns.*[from=gpt].value", "turns.*.from")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("turns.*.valu", "no column 'turns.*.valu': the nearest is 'turns.*.value'"),
        ("turns.1.valu", "the nearest is 'turns.*.value'"),
        ("turns.value", "the nearest is 'turns.*.value'"),
        ("turns.*[speaker=gpt].value", "no column"),
        ("body.choices.*.content", "the nearest is 'body.choices.*.message.content'"),
        ("a", "the nearest is 'a.b'"),
        ("id", "is int64, not strings"),
        ("turns", "not strings"),
        ("lists.*", "not strings"),
    ],
)
def test_wrong_paths(path, says, tmp_path):
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="column") as error:
        read(tmp_path / "t.parquet", path)
    assert says in str(error.value)


def test_lists_of_other_kinds(tmp_path):
    """Fixed sizes, dictionaries and views."""
    words = pa.dictionary(pa.int32(), pa.string())
    table = pa.table(
        {
            "fixed": pa.array([["a", "b"], None], pa.list_(pa.string(), 2)),
            "words": pa.array([["a"], ["b", "a"]], pa.list_(words)),
            "none": pa.nulls(2),
        }
    )
    path = tmp_path / "t.parquet"
    parquet.write_table(table, path)
    assert texts(read(path, "fixed.*")) == [(0, "a"), (0, "b")]
    assert texts(read(path, "fixed.1")) == [(0, "b")]
    assert texts(read(path, "words.*")) == [(0, "a"), (1, "b"), (1, "a")]
    assert sum(chunk.without for chunk in read(path, "none")) == 2
