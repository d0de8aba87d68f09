"""Where texts may come from: sequences, Arrow columns of any library, data frames, engines."""

from __future__ import annotations

import array
import subprocess
import sys
from pathlib import Path

import ifrs
import numpy as np
import pytest
from ifrs.scoring import polars_best_match, score_batches

TEXTS = ["the copper window", None, "", "東京タワー copper", "cooper windw", "nothing"]
PATTERNS = ["copper window", "タワー"]
EXPECTED = ifrs.score(TEXTS, PATTERNS)


def arrow_columns():
    pa = pytest.importorskip("pyarrow")
    yield "string", pa.array(TEXTS)
    yield "large_string", pa.array(TEXTS, pa.large_string())
    yield "string_view", pa.array(TEXTS, pa.string_view())
    yield "dictionary", pa.array(TEXTS).dictionary_encode()
    yield "sliced", pa.array(["copper", *TEXTS, "copper"]).slice(1, len(TEXTS))
    yield "chunked", pa.chunked_array([TEXTS[:1], [], TEXTS[1:4], TEXTS[4:]])
    chunks = [pa.array(TEXTS[:2], pa.string_view()), pa.array(TEXTS[2:], pa.string_view())]
    yield "chunked views", pa.chunked_array(chunks)


@pytest.mark.parametrize("method", ["exact", "partial", "ratio"])
def test_arrow_columns(method):
    expected = ifrs.score(TEXTS, PATTERNS, method=method)
    for name, column in arrow_columns():
        for cutoff in (0.0, 0.8):
            kept = np.where(expected < np.float32(cutoff), 0, expected)
            scores = ifrs.score(column, PATTERNS, method=method, cutoff=cutoff)
            np.testing.assert_array_equal(scores, kept, err_msg=name)


def test_long_arrow_columns_are_scanned_across_rows():
    """Matches at the ends of rows, and across them, in a column long enough for filters."""
    pa = pytest.importorskip("pyarrow")
    pattern = "brisk lantern harbor"
    texts = ["brisk lantern", " harbor and more" * 9, f"x{pattern}", pattern, None, pattern[1:]]
    texts = (texts + ["nothing to see here " * 8] * 40) * 60
    for method in ("exact", "partial"):
        for patterns in ([pattern], [pattern, "quarry", *(f"meadow {i}" for i in range(30))]):
            expected = ifrs.score(texts, patterns, method=method, cutoff=0.8)
            assert expected[2, 0] == 1
            column = pa.array(texts)
            scores = ifrs.score(column, patterns, method=method, cutoff=0.8)
            np.testing.assert_array_equal(scores, expected)


def test_bytes_under_nulls_do_not_count():
    pa = pytest.importorskip("pyarrow")
    whole = pa.array(["copper window", "copper window"] * 3000)
    valid = pa.py_buffer(bytes([0b01010101]) * 750)
    buffers = whole.buffers()
    column = pa.StringArray.from_buffers(len(whole), buffers[1], buffers[2], valid)
    for method in ("exact", "partial", "ratio"):
        for cutoff in (0.0, 0.8):
            scores = ifrs.score(column, ["copper window"], method=method, cutoff=cutoff)[:, 0]
            assert scores.tolist() == [1.0, 0.0] * 3000


def test_frames():
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    duckdb, pa = pytest.importorskip("duckdb"), pytest.importorskip("pyarrow")
    columns = [
        polars.Series(TEXTS),
        polars.DataFrame({"text": TEXTS})["text"],
        polars.Series(TEXTS, dtype=polars.Categorical),
        pandas.Series(TEXTS, dtype=pandas.ArrowDtype(pa.string())).array.__arrow_array__(),
        pandas.Series(TEXTS, dtype=object),
        np.array(TEXTS, dtype=object),
        tuple(TEXTS),
    ]
    if hasattr(pandas.Series, "__arrow_c_stream__"):
        columns.append(pandas.Series(TEXTS, dtype="str"))
    rows = pa.table({"text": TEXTS})
    assert rows.num_rows == len(TEXTS)
    columns.append(duckdb.sql("SELECT text FROM rows").to_arrow_table()["text"])
    for column in columns:
        np.testing.assert_array_equal(ifrs.score(column, PATTERNS), EXPECTED)
    patterns = polars.Series(PATTERNS)
    np.testing.assert_array_equal(ifrs.score(TEXTS, patterns), EXPECTED)


@pytest.mark.parametrize("kind", ["int", "table", "binary"])
def test_columns_of_something_else(kind):
    pa = pytest.importorskip("pyarrow")
    column = {
        "int": pa.array([1, 2]),
        "table": pa.table({"a": ["x"]}),
        "binary": pa.array([b"x"]),
    }[kind]
    with pytest.raises(TypeError, match="strings"):
        ifrs.score(column, ["a"])


def test_nulls_among_patterns_are_named():
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(TypeError, match=r"patterns\[1\]"):
        ifrs.score(["a"], pa.array(["a", None]))
    with pytest.raises(ValueError, match="pattern 1 is empty"):
        ifrs.score(["a"], pa.array(["a", ""]))
    with pytest.raises(TypeError, match="sequence"):
        ifrs.score(5, ["a"])
    with pytest.raises(TypeError, match=r"texts\[0\]"):
        ifrs.score(array.array("i", [1]), ["a"])


def test_best_match():
    texts = ["kitten mitten", "mitten", "nothing", None, "kittem"]
    indices, scores = ifrs.best_match(texts, ["mitten", "kitten"], cutoff=0.8)
    assert (indices.dtype, scores.dtype) == (np.int64, np.float32)
    assert indices.tolist() == [0, 0, -1, -1, 1]
    assert scores.tolist() == pytest.approx([1, 1, 0, 0, 5 / 6])
    assert [a.tolist() for a in ifrs.best_match(["a"], [])] == [[-1], [0]]
    assert [a.tolist() for a in ifrs.best_match([], ["a"])] == [[], []]


def test_top_hits():
    texts = ["kitten mitten", "mitten", "nothing", None]
    found, which, scores = ifrs.top_hits(texts, ["mitten", "kitten"], cutoff=0.8)
    assert (found.dtype, which.dtype, scores.dtype) == (np.int64, np.int64, np.float32)
    assert found.tolist() == [0, 0, 1, 1]
    assert which.tolist() == [0, 1, 0, 1]
    assert scores.tolist() == pytest.approx([1, 1, 1, 5 / 6])
    with pytest.raises(TypeError, match="cutoff"):
        ifrs.top_hits(texts, ["a"])  # type: ignore[call-arg]


def test_polars_helper():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": TEXTS})
    found = frame.lazy().select(polars_best_match("text", PATTERNS, cutoff=0.8)).collect()
    indices, scores = ifrs.best_match(TEXTS, PATTERNS, cutoff=0.8)
    fields = found["text"].struct
    assert fields.field("pattern").to_list() == [i if i >= 0 else None for i in indices.tolist()]
    np.testing.assert_array_equal(fields.field("score").to_numpy(), scores)
    with pytest.raises(ValueError, match="empty"):
        polars_best_match("text", [""])


def test_batches():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"id": range(len(TEXTS)), "text": TEXTS})
    scored = score_batches(PATTERNS, cutoff=0.8)(table)
    assert scored.column_names == ["id", "text", "pattern", "score"]
    assert scored["pattern"].to_pylist() == [0, None, None, 1, 0, None]
    with pytest.raises(ValueError, match="no column 'text'"):
        score_batches(PATTERNS)(table.drop_columns(["text"]))
    with pytest.raises(ValueError, match="method"):
        score_batches(PATTERNS, method="poem")  # type: ignore[arg-type]


JUDGED = {"text": TEXTS, "score": [0.5] * len(TEXTS), "pattern": ["a judge's"] * len(TEXTS)}
OTHERS = ("ifrs_pattern", "ifrs_score")


def test_batches_of_a_table_that_has_such_columns(tmp_path):
    """What lm-eval and judges write has a column `score`; Parquet takes each name once."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table(JUDGED)
    for taken in ("score", "pattern"):
        with pytest.raises(ValueError, match=f"a column '{taken}' already.*names="):
            score_batches(PATTERNS)(table.select(["text", taken]))
    scored = score_batches(PATTERNS, cutoff=0.8, names=OTHERS)(table)
    assert scored.column_names == ["text", "score", "pattern", *OTHERS]
    assert scored["ifrs_pattern"].to_pylist() == [0, None, None, 1, 0, None]
    parquet.write_table(scored, tmp_path / "scored.parquet")
    assert parquet.read_table(tmp_path / "scored.parquet").equals(scored)


def test_polars_beside_such_columns():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(JUDGED)
    best = polars_best_match("text", PATTERNS, cutoff=0.8, names=OTHERS).alias("best")
    found = frame.lazy().with_columns(best).unnest("best").collect()
    assert found.columns == ["text", "score", "pattern", *OTHERS]
    assert found["ifrs_pattern"].to_list() == [0, None, None, 1, 0, None]


@pytest.mark.parametrize("names", [("a", "a"), ("a",), "ab"])
def test_names_are_two(names):
    pytest.importorskip("polars")
    for make in (score_batches, lambda p, names: polars_best_match("text", p, names=names)):
        with pytest.raises(ValueError, match="two different names"):
            make(PATTERNS, names=names)
    with pytest.raises(ValueError, match="the texts' column"):
        score_batches(PATTERNS, names=("text", "score"))


@pytest.mark.slow
def test_ray_example(tmp_path):
    pytest.importorskip("ray")
    example = Path(__file__).parents[2] / "examples" / "score_with_ray.py"
    done = subprocess.run(
        [sys.executable, example, "--rows", "2000", "--out", tmp_path / "scored"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "20 of 2,000 rows match" in done.stdout
    parquet = pytest.importorskip("pyarrow.parquet")
    scored = parquet.read_table(tmp_path / "scored")
    assert scored.num_rows == 2000
    assert scored["pattern"].null_count == 1980
