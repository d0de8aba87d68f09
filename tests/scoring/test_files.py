"""`ifrs score`: files of every kind, in chunks, and nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import ifrs
import pytest
from ifrs.cli import main
from ifrs.scoring import columns
from ifrs.scoring.files import TextRows
from ifrs.scoring.plans import planned

PATTERNS = ["copper window", "タワー"]
TEXTS = ["a copper window", None, "", '東京タワー\n"quoted"', "cooper windw", "nothing"]


@pytest.fixture
def patterns(tmp_path) -> Path:
    path = tmp_path / "patterns.txt"
    path.write_text("\n".join(PATTERNS) + "\n", encoding="utf-8")
    return path


def run(*arguments, capfd) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return code, *capfd.readouterr()


def expected() -> list[tuple[int, int]]:
    found, which, _ = ifrs.top_hits(TEXTS, PATTERNS, cutoff=0.8)
    return list(zip(found.tolist(), which.tolist(), strict=True))


def write(path: Path) -> Path:
    if path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.table({"n": range(6), "text": TEXTS}), path, row_group_size=2)
    else:
        lines = (
            json.dumps({"n": 1, "text": t}, ensure_ascii=i % 2 == 0) for i, t in enumerate(TEXTS)
        )
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("to", ["stdout", "jsonl", "parquet"])
@pytest.mark.parametrize("small", [False, True])
def test_from_and_to(kind, to, small, tmp_path, patterns, capfd, monkeypatch):
    if small:  # Every line and row a chunk of its own.
        monkeypatch.setattr(columns, "BATCH_ROWS", 1)
        monkeypatch.setitem(TextRows.__init__.__kwdefaults__, "chunk_bytes", 1)
    texts, out = write(tmp_path / f"t.{kind}"), tmp_path / f"out.{to}"
    where = [] if to == "stdout" else ["--out", out]
    code, said, err = run("score", texts, "--patterns", patterns, *where, capfd=capfd)
    assert (code, err) == (0, f"ifrs: {texts}: 1 of 6 rows have no text\n")
    if to == "parquet":
        from pyarrow import parquet

        table = parquet.read_table(out)
        assert [str(field.type) for field in table.schema] == ["int64", "int64", "float"]
        hits = table.to_pylist()
    else:
        hits = [json.loads(line) for line in (said or out.read_text()).splitlines()]
    assert [(hit["text"], hit["pattern"]) for hit in hits] == expected()
    assert {path.name for path in tmp_path.iterdir()} <= {texts.name, out.name, patterns.name}


def test_plain_text(tmp_path, patterns, capfd):
    (tmp_path / "t.txt").write_bytes("copper window\r\nx\u2028copper window\n\n".encode())
    code, said, _ = run("score", tmp_path / "t.txt", "--patterns", patterns, capfd=capfd)
    assert code == 0
    assert [json.loads(line)["text"] for line in said.splitlines()] == [0, 1]


BAD = {
    "t.jsonl": [
        (b'{"text": "a"}\n{', "line 2: not JSON"),
        (b'{"text": "a"}\n\n{"other": 1}', "line 3: it has no field 'text'"),
        (b'{"text": 1}', "line 1: 'text' is a number, not a text"),
        (b'["text"]', "line 1: it has no field 'text'"),
        (b'{"text": "\xff"}', "line 1: not UTF-8"),
        (b'{"text": "\\ud800"}', "line 1: not JSON"),
    ],
    "t.txt": [(b"a\n\xff\n", "line 2: not UTF-8")],
    "t.parquet": [(b"", "no readable Parquet"), (b"PAR1" + bytes(50), "no readable Parquet")],
}


@pytest.mark.parametrize(("name", "content", "says"), [(n, *case) for n in BAD for case in BAD[n]])
def test_bad_rows_are_named_and_nothing_is_written(name, content, says, tmp_path, patterns, capfd):
    (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.jsonl"
    code, said, err = run(
        "score", tmp_path / name, "--patterns", patterns, "--out", out, capfd=capfd
    )
    assert (code, said, err.count("\n")) == (2, "", 1)
    assert says in err
    assert not out.exists()
    assert {path.name for path in tmp_path.iterdir()} == {name, patterns.name}


def test_bad_rows_are_skipped_where_asked(tmp_path, patterns, capfd):
    rows = ["{", '{"text": "copper window"}', *["[]"] * 20, '{"text": "copper window"}']
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    code, said, err = run(
        "score", tmp_path / "t.jsonl", "--patterns", patterns, "--skip-bad", capfd=capfd
    )
    assert code == 0
    assert [json.loads(line)["text"] for line in said.splitlines()] == [1, 22]
    assert "line 1: not JSON: skipped" in err
    assert "21 rows skipped in all" in err
    assert err.count("\n") == 11


def test_columns_that_are_missing_or_of_something_else(tmp_path, patterns, capfd):
    texts = write(tmp_path / "t.parquet")
    for column, says in (("texts", "no column 'texts': the nearest is 'text'"), ("n", "is int64")):
        code, _, err = run("score", texts, "--patterns", patterns, "--column", column, capfd=capfd)
        assert (code, says in err) == (2, True), err


def test_a_parquet_file_broken_in_the_middle(tmp_path, patterns, capfd):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    table = pa.table({"text": [f"{i} copper window {i * i}" for i in range(5000)]})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[1000 : len(content) // 2] = bytes(len(content) // 2 - 1000)
    path.write_bytes(content)
    out = tmp_path / "out.parquet"
    code, _, err = run("score", path, "--patterns", patterns, "--out", out, capfd=capfd)
    assert code == 2
    assert "broken at row 0 or soon after" in err
    assert not out.exists()


def test_no_hits_and_no_patterns(tmp_path, patterns, capfd):
    (tmp_path / "t.txt").write_text("nothing\n")
    (tmp_path / "empty.txt").write_text("")
    for texts in ("t.txt", "empty.txt"):
        code, said, _ = run("score", tmp_path / texts, "--patterns", patterns, capfd=capfd)
        assert (code, said) == (1, "")
    code, _, err = run(
        "score", tmp_path / "t.txt", "--patterns", tmp_path / "empty.txt", capfd=capfd
    )
    assert (code, "no pattern" in err) == (2, True)


def test_chunks_know_their_rows(tmp_path):
    lines = [f"line {i}" for i in range(1000)]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    with planned(tmp_path / "t.txt") as plan:
        rows = TextRows(plan, chunk_bytes=100)
        chunks = list(rows)
    assert len(chunks) > 50
    assert chunks[-1].position == rows.total
    assert rows.rows == len(lines)
    for chunk in chunks:
        found, _, _ = ifrs.top_hits(chunk.texts, [f"line {chunk.first}"], cutoff=1.0)
        assert 0 in found


INTERRUPTED = """
import signal, sys, threading, os, time
import ifrs
texts = ["abcdefghij" * 200] * 20_000
patterns = ["jihgfedcba" * 6] * 200
# The signal comes while Rust works without the interpreter's lock.
threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    ifrs.{call}
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "call",
    [
        "score(texts, patterns, workers={})",
        "best_match(texts, patterns, workers={})",
        "top_hits(texts, patterns, cutoff=0.01, workers={})",
        "score_pairs(texts * 200, texts * 200, method='ratio', workers={})",
        "score(['x' * 500_000_000], patterns[:1], workers={})",
    ],
)
def test_ctrl_c(call, workers):
    """The work would take minutes: only an interrupt ends it in time."""
    code = INTERRUPTED.format(call=call.format(workers))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "interrupted\n", done.stderr[-1000:]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_on_the_command_line_leaves_nothing(tmp_path, patterns):
    texts, out = tmp_path / "t.txt", tmp_path / "out.jsonl"
    with texts.open("w") as file:
        for _ in range(300):
            file.write(("the copper windows of " * 500 + "\n") * 100)
    many = tmp_path / "many.txt"
    many.write_text("\n".join(f"pattern number {i} of many" for i in range(3000)))
    command = [sys.executable, "-c", "from ifrs.cli import run; run()", "score", texts]
    command += ["--patterns", many, "--cutoff", "0.3", "--out", out]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob(".out.jsonl-*")):
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "interrupted" in err
    assert {path.name for path in tmp_path.iterdir()} == {
        texts.name,
        many.name,
        patterns.name,
    }
