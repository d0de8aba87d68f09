"""Who may open a keyring: recipients, identities, rekeying, and the real `age` beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import ifrs
import pytest
from helpers import FAST, secrets_of
from ifrs.cli import main

needs_age = pytest.mark.skipif(
    not (shutil.which("age") and shutil.which("age-keygen")), reason="the age tool is missing"
)
needs_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is missing")


def run(*command: object, **kwargs) -> bytes:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, capture_output=True, **kwargs).stdout


def age_key(path: Path) -> str:
    run("age-keygen", "-o", path)
    return run("age-keygen", "-y", path).decode().strip()


def ssh_key(path: Path, kind: str, passphrase: str = "") -> str:
    run("ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path)
    return path.with_name(path.name + ".pub").read_text().strip()


@needs_age
def test_the_age_tool_opens_what_ifrs_wrote(tmp_path):
    key = tmp_path / "key.txt"
    with ifrs.Keyring.create(tmp_path / "k", recipients=[age_key(key)]) as ring:
        ring.generate("one", 2)
    payload = json.loads(run("age", "-d", "-i", key, tmp_path / "k"))
    assert payload["format"] == "ifrs/keyring/v3"
    assert set(payload) == {
        "format", "created", "generation", "recipients", "seed", "sets", "journal",
    }  # fmt: skip
    assert [row["name"] for row in payload["sets"]] == ["one"]
    assert len(payload["seed"]) == 64


@needs_age
@pytest.mark.parametrize("armor", [[], ["-a"]])
def test_ifrs_opens_what_the_age_tool_wrote(tmp_path, ring, armor):
    """Decrypted and encrypted again by age: another file with the same payload."""
    key = tmp_path / "key.txt"
    recipient = age_key(key)
    made = secrets_of(ring.generate("one", 3))
    ring.rekey(recipients=[recipient])
    plain = run("age", "-d", "-i", key, ring.path)
    ring.path.write_bytes(run("age", *armor, "-r", recipient, input=plain))
    again = ifrs.Keyring.open(ring.path, identity=key)
    assert secrets_of(again["one"]) == made
    again.generate("two", 1)
    assert list(ifrs.Keyring.open(ring.path, identity=key)) == ["one", "two"]


@needs_ssh
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("passphrase", ["", "words"])
def test_ssh_keys(tmp_path, kind, passphrase):
    public = ssh_key(tmp_path / "id", kind, passphrase)
    ifrs.Keyring.create(tmp_path / "k", recipients=[public]).generate("one", 1)
    given = passphrase or None
    with ifrs.Keyring.open(tmp_path / "k", identity=tmp_path / "id", passphrase=given) as ring:
        ring.generate("two", 1)
        assert list(ring) == ["one", "two"]
        assert ring.recipients == [public]
    if passphrase:
        for wrong in (None, "other"):
            with pytest.raises(ifrs.WrongPassphrase):
                ifrs.Keyring.open(tmp_path / "k", identity=tmp_path / "id", passphrase=wrong)


@needs_age
@needs_ssh
def test_any_of_several_recipients_opens_it(tmp_path):
    keys = [tmp_path / name for name in ("a", "b", "c")]
    recipients = [age_key(keys[0]), ssh_key(keys[1], "ed25519"), age_key(keys[2])]
    ifrs.Keyring.create(tmp_path / "k", recipients=recipients).generate("one", 1)
    for key in keys:
        assert list(ifrs.Keyring.open(tmp_path / "k", identity=key)) == ["one"]
        if key != keys[1]:
            run("age", "-d", "-i", key, tmp_path / "k")
    age_key(tmp_path / "stranger")
    with pytest.raises(ifrs.WrongPassphrase):
        ifrs.Keyring.open(tmp_path / "k", identity=tmp_path / "stranger")


@needs_age
def test_rekeying_shuts_the_old_ones_out(tmp_path, ring):
    old, new = tmp_path / "old", tmp_path / "new"
    recipients = [age_key(old), age_key(new)]
    ring.generate("one", 1)
    assert ring.rekey(recipients=recipients[:1])
    backup = ring.path.with_name(ring.path.name + ".bak")
    for file in (ring.path, backup):
        with pytest.raises(ifrs.WrongPassphrase):
            ifrs.Keyring.open(file, passphrase="pass")
    with ifrs.Keyring.open(ring.path, identity=old) as opened:
        assert not opened.rekey(recipients=recipients)  # the old one is still among them
        assert opened.rekey(recipients=recipients[1:])
    for file in (ring.path, backup):
        with pytest.raises(ifrs.WrongPassphrase):
            ifrs.Keyring.open(file, identity=old)
        assert subprocess.run(["age", "-d", "-i", old, file], capture_output=True).returncode
    with ifrs.Keyring.open(ring.path, identity=new) as opened:
        assert opened.rekey(passphrase="words", _work_factor=FAST)
        opened.generate("two", 1)
    assert list(ifrs.Keyring.open(ring.path, passphrase="words")) == ["one", "two"]
    events = [entry["event"] for entry in opened_journal(ring.path, "words")]
    assert events == ["created", "generated", *["rekeyed"] * 4, "generated"]


def opened_journal(path, passphrase):
    with ifrs.Keyring.open(path, passphrase=passphrase) as ring:
        return ring.journal()


def test_the_same_passphrase_is_no_rekeying(ring):
    with pytest.raises(ValueError, match="the old one"):
        ring.rekey(passphrase="pass")


SECRET_KEY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"


@pytest.mark.parametrize(
    ("recipient", "error", "says"),
    [
        ("age1nonsense", ValueError, "recipient 1"),
        (SECRET_KEY, ValueError, "recipient 1"),
        ("ssh-ed25519 AAAA", ValueError, "recipient 1"),
        ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
         ifrs.KeyringError, "age-plugin-yubikey is not installed"),
    ],
)  # fmt: skip
def test_unusable_recipients(tmp_path, recipient, error, says):
    with pytest.raises(error, match=says) as caught:
        ifrs.Keyring.create(tmp_path / "k", recipients=[recipient])
    assert recipient not in str(caught.value)
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, ValueError),
        ({"passphrase": "x", "recipients": ["age1"]}, ValueError),
        ({"recipients": []}, ValueError),
        ({"recipients": "age1"}, TypeError),
        ({"recipients": [1]}, TypeError),
        ({"passphrase": "x", "lock_timeout": -1.0}, ValueError),
    ],
)
def test_exactly_one_protection(tmp_path, arguments, error):
    with pytest.raises(error):
        ifrs.Keyring.create(tmp_path / "k", **arguments)


@needs_age
def test_files_that_are_no_identity(tmp_path, ring):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_text("# nothing\n")
    (tmp_path / "pem").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END")
    for name in ("text", "empty", "pem", "missing"):
        with pytest.raises(ifrs.KeyringError):
            ifrs.Keyring.open(ring.path, identity=tmp_path / name)
    age_key(tmp_path / "key")
    with pytest.raises(ifrs.WrongPassphrase, match="give the passphrase"):
        ifrs.Keyring.open(ring.path, identity=tmp_path / "key")


@needs_age
def test_the_command_line_with_an_identity(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("IFRS_PASSPHRASE", raising=False)
    recipient, path = age_key(tmp_path / "key"), str(tmp_path / "k")
    assert main(["keyring", "create", path, "--recipient", recipient]) == 0
    monkeypatch.setenv("IFRS_IDENTITY", str(tmp_path / "key"))
    assert main(["generate", path, "one"]) == 0
    (tmp_path / "recipients").write_text(f"# ours\n{age_key(tmp_path / 'new')}\n")
    assert main(["keyring", "rekey", path, "--recipient", str(tmp_path / "recipients")]) == 0
    assert "shut" in capfd.readouterr().out
    assert main(["keyring", "list", path]) == 2
    assert main(["keyring", "journal", path, "--identity", str(tmp_path / "new"), "--json"]) == 0
    events = [entry["event"] for entry in json.loads(capfd.readouterr().out)]
    assert events == ["created", "generated", "rekeyed"]
