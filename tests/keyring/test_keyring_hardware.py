"""Hardware keys through an age plugin, post-quantum recipients, identities behind a passphrase."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import ifrs
import pytest
from helpers import FAST
from ifrs.cli import main
from test_keyring_access import age_key, needs_age

pytest.importorskip("cryptography")

from oracles import hardware_key

X25519 = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A hardware key whose plugin is on the path: its identity file and its recipients."""
    (tmp_path / "token").mkdir()
    made = hardware_key.make(tmp_path / "token")
    plugin = tmp_path / "bin" / f"age-plugin-{hardware_key.NAME}"
    plugin.parent.mkdir()
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{hardware_key.__file__}" "$@"\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{plugin.parent}{os.pathsep}{os.environ['PATH']}")
    identity = tmp_path / "identity.txt"
    identity.write_text(made["identity"] + "\n")
    return {**made, "identity": str(identity)}


@pytest.mark.parametrize("kind", ["plugin", "tag", "tagpq"])
def test_what_is_sealed_for_a_hardware_key_opens_with_it(tmp_path, token, kind):
    path = tmp_path / "k"
    ifrs.Keyring.create(path, recipients=[token[kind]]).generate("one", 2)
    with ifrs.Keyring.open(path, identity=token["identity"]) as ring:
        ring.generate("two", 1)
        assert list(ring) == ["one", "two"]
    stanza = {"plugin": b"-> ifrstest", "tag": b"-> p256tag ", "tagpq": b"-> mlkem768p256tag "}
    assert stanza[kind] in path.read_bytes()


def test_another_hardware_key_does_not_open_it(tmp_path, token):
    path = tmp_path / "k"
    ifrs.Keyring.create(path, recipients=[token["tag"]]).close()
    (tmp_path / "other").mkdir()
    other = tmp_path / "other.txt"
    other.write_text(hardware_key.make(tmp_path / "other")["identity"])
    with pytest.raises(ifrs.KeyringError):
        ifrs.Keyring.open(path, identity=other)


@needs_age
def test_a_hardware_key_beside_an_ordinary_one(tmp_path, token):
    path, key = tmp_path / "k", tmp_path / "key"
    ifrs.Keyring.create(path, recipients=[token["plugin"], age_key(key)]).generate("one", 1)
    for identity in (token["identity"], key):
        assert list(ifrs.Keyring.open(path, identity=identity)) == ["one"]


def test_post_quantum_recipients_stand_alone(tmp_path, token):
    """Beside a classical recipient the file would be as weak as that one; age refuses it."""
    with pytest.raises(ifrs.KeyringError, match="post-quantum recipients cannot be mixed"):
        ifrs.Keyring.create(tmp_path / "k", recipients=[token["tagpq"], X25519])
    assert not (tmp_path / "k").exists()


def test_a_plugin_that_is_missing_is_named(tmp_path, token, monkeypatch):
    path = tmp_path / "k"
    ifrs.Keyring.create(path, recipients=[token["plugin"]]).close()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(ifrs.KeyringError, match="age-plugin-ifrstest"):
        ifrs.Keyring.open(path, identity=token["identity"])
    with pytest.raises(ifrs.KeyringError, match="age-plugin-ifrstest"):
        ifrs.Keyring.create(tmp_path / "other", recipients=[token["plugin"]])


def on_a_terminal(command: list[str], answers: list[str]) -> int:
    """Runs a command that asks on its terminal; its exit status."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvp(command[0], command)
    for answer in answers:
        seen = b""
        while b":" not in seen:
            seen = os.read(terminal, 1024)
        os.write(terminal, answer.encode() + b"\n")
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:
        pass  # the other end was closed: it is done
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@needs_age
def test_an_age_identity_behind_a_passphrase(tmp_path, monkeypatch, capfd):
    key, locked, path = tmp_path / "key", tmp_path / "key.age", tmp_path / "k"
    recipient = age_key(key)
    words = ["correct horse battery"] * 2
    assert on_a_terminal(["age", "-p", "-o", str(locked), str(key)], words) == 0
    key.unlink()
    ifrs.Keyring.create(path, recipients=[recipient]).generate("one", 1)
    assert list(ifrs.Keyring.open(path, identity=locked, passphrase=words[0])) == ["one"]
    for wrong in (None, "other"):
        with pytest.raises(ifrs.WrongPassphrase):
            ifrs.Keyring.open(path, identity=locked, passphrase=wrong)
    monkeypatch.setenv("IFRS_PASSPHRASE", words[0])
    assert main(["keyring", "list", str(path), "--identity", str(locked)]) == 0
    assert "one" in capfd.readouterr().out


@needs_age
def test_the_age_tool_opens_a_keyring_under_a_passphrase(tmp_path):
    ring = ifrs.Keyring.create(tmp_path / "k", passphrase="swordfish", _work_factor=FAST)
    ring.generate("one", 1)
    out = tmp_path / "payload.json"
    command = ["age", "-d", "-o", str(out), str(tmp_path / "k")]
    assert on_a_terminal(command, ["swordfish"]) == 0
    assert b'"ifrs/keyring/v3"' in out.read_bytes()
    assert on_a_terminal(command, ["other"]) != 0
    # And the other way: what age seals under a passphrase, ifrs opens.
    again = tmp_path / "again"
    seal = ["age", "-p", "-o", str(again), str(out)]
    assert on_a_terminal(seal, ["marlin"] * 2) == 0
    assert list(ifrs.Keyring.open(again, passphrase="marlin")) == ["one"]
