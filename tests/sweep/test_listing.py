"""Lists of suspects: what a line may hold, and which lines name one suspect."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ifrs.cli.listing import suspects_of
from ifrs.cli.suspects import LocalOptions, ServerOptions
from ifrs.sweep.listing import BadLine, read_list

pytest.importorskip("httpx2")

LINES = """\ufeff# a comment that doesn't matter

models/a   # another
'a folder with blanks/x'  dtype=bfloat16 load-in-8bit
"b#c/d.gguf"
e#f
http://localhost:8000/v1 model="a b" api_key_env=NAME no-probe # 'open
"""


def test_lines(tmp_path):
    path = tmp_path / "suspects.txt"
    path.write_text(LINES, encoding="utf-8")
    found = [(one.line, one.place, one.options) for one in read_list(path)]
    assert found == [
        (3, "models/a", {}),
        (4, "a folder with blanks/x", {"dtype": "bfloat16", "load-in-8bit": None}),
        (5, "b#c/d.gguf", {}),
        (6, "e#f", {}),
        (7, "http://localhost:8000/v1", {"model": "a b", "api-key-env": "NAME", "no-probe": None}),
    ]


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "s").write_bytes(b"caf\xe9\n")
    with pytest.raises(ValueError, match="UTF-8"):
        read_list(tmp_path / "s")


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_by_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        said = "read" if read_list(path) else ""
    except BadLine as error:
        said = "read" if f"{path}, line " in str(error) else str(error)
    except ValueError as error:
        said = "read" if "names no suspect" in str(error) else str(error)
    assert said == "read"


def suspects(tmp_path, *lines):
    path = tmp_path / "suspects.txt"
    path.write_text("\n".join(lines))
    return suspects_of(path, read_list(path), ServerOptions(timeout=5.0), LocalOptions())


def test_spellings_of_one_suspect(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    os.symlink("m", "link")
    found, again = suspects(
        tmp_path,
        "m",
        "./m/",
        "link",
        "http://127.0.0.1/v1 model=a",
        "http://LOCALHOST:80/v1/ model=a timeout=5",
        "http://localhost/v1 model=b",
        "http://localhost:81/v1 model=a",
        "some/id",
        "some/id revision=old",
    )
    assert [one.line for one in found] == [1, 4, 6, 7, 8, 9]
    assert len(again) == 3
    assert len({one.id for one in found}) == 6
    assert [one.served for one in found] == [False, True, True, True, False, False]


def test_options_of_a_line_go_before_the_command_s(tmp_path):
    (one, other), _ = suspects(
        tmp_path, "http://h/v1 model=a timeout=9.5 no-probe", "https://u:p@h/v1?q=x model=b"
    )
    assert one.make()._sender.timeout == 9.5
    assert other.make()._sender.timeout == 5.0
    assert (one.make()._probes, other.make()._probes) == (False, True)
    # Neither a password nor a query is shown.
    assert other.label == "b at https://h/v1"
    assert other.id.startswith("b-at-https-h-v1-")


def test_code_of_a_suspect_runs_last(tmp_path):
    (one, other), _ = suspects(tmp_path, "a/b trust-remote-code", "c/d trust-remote-code=no")
    assert (one.brings_code, other.brings_code) == (True, False)
