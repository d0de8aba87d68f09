"""Where passphrases come from: a file and the variable behave alike."""

from __future__ import annotations

import os

import ifrs
import pytest
from ifrs.cli import main
from ifrs.cli.access import PASSPHRASE, new_passphrase, read_passphrase

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"hello", "hello"),
        (b"hello\nignored\n", "hello"),
        (b"hello\r\nignored", "hello"),
        (b"hello \n", "hello "),
        (b" \thello", " \thello"),
        (BOM + b"hello\n", "hello"),
        ("a\u0085b\n".encode(), "a\u0085b"),
        ("a\u2028b\u2029c\n".encode(), "a\u2028b\u2029c"),
        (b"a\x0cb\x0bc\x1cd\n", "a\x0cb\x0bc\x1cd"),
        (b"a\rb\n", "a\rb"),
        ("pässword 密碼\n".encode(), "pässword 密碼"),
    ],
)
def test_the_first_line_is_what_stands_before_a_line_feed(tmp_path, monkeypatch, data, read):
    monkeypatch.delenv(PASSPHRASE, raising=False)
    file = tmp_path / "passphrase"
    file.write_bytes(data)
    assert read_passphrase(file) == read
    monkeypatch.setenv(PASSPHRASE, os.fsdecode(data))
    assert read_passphrase(None) == read


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\nsecond line", "no passphrase"),
        (BOM, "no passphrase"),
        (b"\r\n", "no passphrase"),
        (b"caf\xe9\n", "not UTF-8"),
        (b"\xff\xfeh\x00", "not UTF-8"),
        (b"x" * 100_000, "too long"),
    ],
)
def test_what_is_no_passphrase(tmp_path, monkeypatch, data, says):
    file = tmp_path / "passphrase"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=says) as caught:
        read_passphrase(file)
    assert str(file) in str(caught.value)
    if b"\x00" not in data and len(data) < 50_000:
        monkeypatch.setenv(PASSPHRASE, os.fsdecode(data))
        with pytest.raises(ValueError, match=says) as caught:
            read_passphrase(None)
        assert PASSPHRASE in str(caught.value)


def test_an_empty_file_is_no_passphrase(tmp_path):
    (tmp_path / "passphrase").touch()
    with pytest.raises(ValueError, match="no passphrase"):
        read_passphrase(tmp_path / "passphrase")


@pytest.mark.parametrize("bad", ["\x00", "\t", "\x0c", "\r", "\x7f", "\u0085", "\u2028", "\u2029"])
def test_a_new_passphrase_has_no_control_characters(tmp_path, monkeypatch, capfd, bad):
    monkeypatch.delenv(PASSPHRASE, raising=False)
    file, old = tmp_path / "new", tmp_path / "old"
    file.write_bytes(f"se{bad}same\n".encode())
    old.write_bytes(b"pass\n")
    ring = tmp_path / "k"
    for arguments in (
        ["keyring", "create", ring, "--passphrase-file", file],
        ["keyring", "rekey", ring, "--passphrase-file", old, "--new-passphrase-file", file],
    ):
        assert main([str(argument) for argument in arguments]) == 2
        err = capfd.readouterr().err
        assert "control characters" in err
        assert f"U+{ord(bad):04X}" in err
        assert "same" not in err
        if not ring.exists():
            ifrs.Keyring.create(ring, passphrase="pass", _work_factor=2).close()
    ifrs.Keyring.open(ring, passphrase="pass").close()
    with pytest.raises(ValueError, match="control"):
        new_passphrase(f"se{bad}same")


def test_a_passphrase_of_any_letters_can_be_new():
    for good in ("six random words in a row", "пароль", "密碼", "pässwörd", "👨‍👩‍👧"):
        assert new_passphrase(good) == good
