"""THIRD-PARTY.md names crates that are there, in the versions that are built."""

from __future__ import annotations

import re

import pytest
import third_party

ROWS = re.findall(
    r"^\| (\S+) (\d\S+) \| (.+?) \| http", third_party.TARGET.read_text(encoding="utf-8"), re.M
)


def test_its_crates_are_those_of_the_lock_file():
    lock = (third_party.ROOT / "Cargo.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r'name = "(.+)"\nversion = "(.+)"', lock))
    assert {(name, version) for name, version, _ in ROWS} <= locked


def test_what_is_linked_is_there_and_what_tests_is_not():
    names = {name for name, _, _ in ROWS}
    assert {"age", "pyo3", "zstd-sys", "rayon", "ed25519-dalek"} <= names
    assert not names & {"proptest", "serde_derive", "ifrs-core"}


def test_no_licence_is_missing():
    assert [row for row in ROWS if row[2] == "see below"] == []


def test_the_platforms_are_those_of_deny_toml():
    assert "x86_64-unknown-linux-gnu" in third_party.platforms()
    assert len(third_party.platforms()) == 5


@pytest.mark.parametrize(
    ("names", "licence", "kept"),
    [
        (["LICENSE-MIT", "LICENSE-APACHE"], "MIT OR Apache-2.0", ["MIT"]),
        (["LICENSE", "NOTICE"], "Apache-2.0", ["LICENSE", "NOTICE"]),
        (["LICENSE-MIT", "LICENSE-ZLIB"], "MIT AND Zlib", ["MIT", "ZLIB"]),
    ],
)
def test_which_texts_count(tmp_path, names, licence, kept):
    for name in names:
        (tmp_path / name).write_text(name)
    crate = {"manifest_path": str(tmp_path / "Cargo.toml"), "license": licence}
    assert [text.removeprefix("LICENSE-") for text in third_party.texts(crate)] == kept
