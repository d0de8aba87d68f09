"""What a file holds is told by its name, `--format` and its first rows, or refused."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ifrs.cli import main
from ifrs.scoring.files import TextRows
from ifrs.scoring.plans import planned

PATTERN = "copper window"
TEXTS = ["a copper window", "nothing", "東京 copper window"]


@pytest.fixture
def patterns(tmp_path) -> Path:
    (tmp_path / "patterns").write_text(PATTERN + "\n")
    return tmp_path / "patterns"


def score(*arguments, capfd) -> tuple[int, list[int], str]:
    """The exit code, the rows of hits, and what was said."""
    code = main(["score", *map(str, arguments)])
    out, err = capfd.readouterr()
    return code, [json.loads(line)["text"] for line in out.splitlines()], err


def content_of(form: str, folder: Path) -> bytes:
    if form == "lines":
        return "\n".join(TEXTS).encode()
    rows = [{"id": i, "text": text} for i, text in enumerate(TEXTS)]
    if form == "json":
        return json.dumps(rows).encode()
    if form == "jsonl":
        return "\n".join(map(json.dumps, rows)).encode()
    if form in ("csv", "tsv"):
        mark = "," if form == "csv" else "\t"
        return "".join(f"{a}{mark}{b}\n" for a, b in [("id", "text"), *enumerate(TEXTS)]).encode()
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(rows), folder / "made")
    return (folder / "made").read_bytes()


def packed(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        half = len(content) // 2  # Two members, as `cat a.gz b.gz` makes.
        return gzip.compress(content[:half], mtime=0) + gzip.compress(content[half:], mtime=0)
    if suffix == ".zst":
        pa = pytest.importorskip("pyarrow")
        return bytes(pa.compress(content, "zstd", asbytes=True))
    return content


KINDS = {
    ".txt": "lines",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".JSONL": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


@pytest.mark.parametrize("pack", ["", ".gz", ".zst"])
@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_of_file(suffix, pack, tmp_path, patterns, capfd):
    path = tmp_path / f"t.of.many.dots{suffix}{pack}"
    path.write_bytes(packed(content_of(KINDS[suffix], tmp_path), pack))
    assert score(path, "--patterns", patterns, capfd=capfd) == (0, [0, 2], "")


@pytest.mark.parametrize("form", ["lines", "jsonl", "json", "csv", "tsv", "parquet"])
@pytest.mark.parametrize("pack", ["", ".gz", ".zst"])
def test_format_goes_before_the_name(form, pack, tmp_path, patterns, capfd):
    """And the first bytes tell the packing, whatever a download made of the name."""
    for name in ("t", "t.log", "t.gz", "t.txt"):
        (tmp_path / name).write_bytes(packed(content_of(form, tmp_path), pack))
        found = score(tmp_path / name, "--patterns", patterns, "--format", form, capfd=capfd)
        assert found == (0, [0, 2], "")


@pytest.mark.parametrize("form", ["lines", "jsonl", "json", "csv"])
def test_a_byte_order_mark_hides_no_pattern(form, tmp_path, capfd):
    """Neither in the texts, nor in the file of patterns."""
    for name in ("patterns", "t"):
        content = PATTERN.encode() if name == "patterns" else content_of(form, tmp_path)
        if form == "lines" and name == "t":
            content = PATTERN.encode()
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content)
    arguments = (tmp_path / "t", "--patterns", tmp_path / "patterns", "--format", form)
    for method in ("exact", "ratio"):
        code, rows, _ = score(*arguments, "--method", method, "--cutoff", 0.9, capfd=capfd)
        if method == "exact" or form == "lines":
            assert (code, rows[:1]) == (0, [0])


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        ("t", b"a", [], "--format lines"),
        ("t.log", b"a", [], "--format lines"),
        ("t.xlsx", b"a", [], "--format lines"),
        ("t.gz", gzip.compress(b"a", mtime=0), [], "--format lines"),
        ("t.log", b"a", ["--column", "text"], "--format lines"),
        ("t.txt", b"a", ["--column", "text"], "leave --column out"),
        ("t.txt.gz", b"a", ["--column", "text"], "leave --column out"),
        ("t.csv", b"a", ["--column", "a", "--format", "lines"], "leave --column out"),
        ("t.csv", b"a", ["--format", "poem"], "choose one of lines"),
        ("t.json", b"[]", ["--column", "a", "--format", "sharegpt"], "leave --column out"),
        ("t.csv", b"a", ["--format", "sharegpt"], "JSON or Parquet"),
        ("t.jsonl", b"{}", ["--column", "a..b"], "single dots"),
        ("t.txt", "a".encode("utf-16"), [], "UTF-16"),
        ("t.csv", "a".encode("utf-16"), [], "UTF-16"),
        ("t.csv", b"a,b\n1,2\n", ["--column", "c"], "no column 'c'"),
        ("t.jsonl", b'{"a": {"bc": "x"}}', ["--column", "a.bd"], "the nearest is 'a.bc'"),
        ("t.json", b'[{"a": {"bc": "x"}}]', ["--column", "a.bd"], "row 0"),
        (
            "t.csv.gz",
            gzip.compress(b"text\n" + b"abc\n" * 99, mtime=0)[:-9],
            [],
            "t.csv.gz is damaged",
        ),
        ("t.txt.gz", gzip.compress(b"abc\n" * 99, mtime=0)[:-9], [], "t.txt.gz"),
        ("t.parquet.gz", gzip.compress(b"abc\n" * 99, mtime=0)[:-9], [], "t.parquet.gz is damaged"),
        (
            "t.parquet.gz",
            gzip.compress(b"abc\n" * 99, mtime=0),
            [],
            "t.parquet.gz is no readable Parquet",
        ),
        ("none.jsonl", None, [], "No such file"),
        (".", None, [], "--format"),
    ],
)
def test_what_is_refused_is_named(name, content, options, says, tmp_path, patterns, capfd):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.jsonl"
    code, rows, err = score(
        tmp_path / name, "--patterns", patterns, "--out", out, *options, capfd=capfd
    )
    assert (code, rows, err.count("\n")) == (2, [], 1), err
    assert says in err
    assert not out.exists()


def test_a_json_file_of_lines_or_of_one_row(tmp_path, patterns, capfd):
    path = tmp_path / "t.json"
    lines = content_of("jsonl", tmp_path)
    for content, rows in (
        (lines, [0, 2]),
        (lines.split(b"\n")[0], [0]),
        (json.dumps(json.loads(lines.split(b"\n")[0]), indent=2).encode(), [0]),
    ):
        path.write_bytes(content)
        assert score(path, "--patterns", patterns, capfd=capfd) == (0, rows, "")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("t.jsonl", '{"text": "a copper window"}\n{"text": null}\n{"text": "b"}', (0, "1 of 3")),
        ("t.jsonl", '{"text": "a"}\n{"text": null}\n', (1, "1 of 2")),
        ("t.json", '[{"text": "a"}, {"text": null}]', (1, "1 of 2")),
        ("t.csv", "text,n\na,1\n,2\n", (1, "1 of 2")),
    ],
)
def test_rows_without_text_are_counted_and_said(name, content, found, tmp_path, patterns, capfd):
    (tmp_path / name).write_text(content)
    code, _, err = score(tmp_path / name, "--patterns", patterns, capfd=capfd)
    assert (code, err) == (found[0], f"ifrs: {tmp_path / name}: {found[1]} rows have no text\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", '{"other": "copper window"}\n{"other": "b"}\n'),
        ("t.jsonl", '{"text": null}\n[]\n'),
        ("t.jsonl", '{"text": null}\n'),
        ("t.json", '[{"other": "copper window"}]'),
        ("t.csv", "text,n\n,1\n,2\n"),
        ("t.csv", "text,n\na\nb\n"),
        ("t.txt", b"\xff\n\xff\n"),
    ],
)
def test_nothing_scored_is_not_no_hit(name, content, tmp_path, patterns, capfd):
    """Exit 1 would say that nothing was found where nothing was looked at."""
    path, out = tmp_path / name, tmp_path / "out.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = (path, "--patterns", patterns, "--skip-bad", "--out", out)
    code, _, err = score(*arguments, capfd=capfd)
    assert code == 2
    assert err.splitlines()[-1].startswith(f"ifrs: {path}: nothing was scored: none of ")
    assert "--column or --format" in err.splitlines()[-1]
    assert not out.exists()


def test_null_columns_are_not_no_hit(tmp_path, patterns, capfd):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": pa.nulls(3)}), tmp_path / "t.parquet")
    code, _, err = score(tmp_path / "t.parquet", "--patterns", patterns, capfd=capfd)
    assert (code, "nothing was scored" in err) == (2, True)


def test_some_texts_of_a_row(tmp_path, patterns, capfd):
    rows = [{"a": ["x", PATTERN, PATTERN]}, {"a": []}, {"a": [PATTERN]}]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = score(path, "--patterns", patterns, "--column", "a.*", capfd=capfd)
    assert found == (0, [0, 0, 2], f"ifrs: {path}: 1 of 3 rows have no text\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("form", ["lines", "jsonl", "json", "csv", "parquet"])
def test_pipes(form, tmp_path, patterns, capfd):
    """A pipe can be read once; a file of Parquet is read from its end."""
    pipe, content = tmp_path / "pipe", content_of(form, tmp_path)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    found = score(pipe, "--patterns", patterns, "--format", form, capfd=capfd)
    writer.join()
    assert found == (0, [0, 2], "")


def test_standard_input(tmp_path, patterns):
    command = [sys.executable, "-m", "ifrs", "score", "-", "--patterns", str(patterns)]
    for options, code in ((["--format", "jsonl"], 0), ([], 2)):
        done = subprocess.run(
            [*command, *options],
            input=gzip.compress(content_of("jsonl", tmp_path)),
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert len(done.stdout.splitlines()) == (2 if code == 0 else 0)
    assert b"--format" in done.stderr


def test_a_reader_in_python_reads_what_rust_does(tmp_path):
    """The rows of the Python reader, which presets take, are those of the Rust one."""
    rows: list[Any] = [{"messages": [{"role": "assistant", "content": t}]} for t in TEXTS]
    rows[1]["messages"].append({"role": "user", "content": "no answer"})
    for name, text in (("t.json", json.dumps(rows)), ("t.jsonl", "\n".join(map(json.dumps, rows)))):
        (tmp_path / name).write_text("\ufeff" + text)
        with planned(tmp_path / name) as plan:
            assert plan.preset is not None
            found = [text for chunk in TextRows(plan) for text in chunk.texts]
        with planned(tmp_path / name, "messages.0.content") as plan:
            assert plan.preset is None
            assert [text for chunk in TextRows(plan) for text in chunk.texts] == found == TEXTS
