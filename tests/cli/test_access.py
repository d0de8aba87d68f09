"""Whatever opens a keyring takes the same options, and opens it with them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from ifrs.attest import Evidence
from ifrs.cli import command_line, main
from ifrs.cli.access import Access, Door
from typer.main import get_command

# What each command has to be given, so that it opens the keyring {path}.
OPENERS = {
    "audit": ["http://localhost", "{path}", "one", "--out", "{folder}/out"],
    "claim": ["{path}", "one", "--subject", "{folder}", "--out", "{folder}/claim"],
    "evidence": [
        "{folder}/report",
        "{folder}/claim",
        "--out",
        "b",
        "--keyring",
        "{path}",
        "--reveal",
        "1",
    ],
    "generate": ["{path}", "one"],
    "implant": ["{folder}", "{path}", "one", "--out", "{folder}/out"],
    "keyring export": ["{path}", "one", "--out", "{folder}/out"],
    "keyring import": ["{path}", "{folder}/sealed"],
    "keyring journal": ["{path}"],
    "keyring list": ["{path}"],
    "keyring rekey": ["{path}"],
    "keyring remove": ["{path}", "one"],
    "keyring show": ["{path}"],
    "keyring split": ["{path}", "--out", "s", "--threshold", "1", "--shares", "1"],
    "licence accuse": ["t", "{path}", "one", "--roll", "r", "--out", "{folder}/out"],
    "licence list": ["{path}", "one"],
    "licence plant": ["{folder}", "{path}", "one", "--out", "{folder}/out"],
    "licence roll": ["{path}", "one", "--out", "{folder}/out"],
    "licence stamp": ["{path}", "one", "--licensee", "acme", "--out", "{folder}/out"],
    "licence trace": ["http://localhost", "{path}", "one", "--model", "m"],
    "score": ["{folder}/texts", "--patterns", "{path}:one"],
    "sweep": ["{folder}/suspects", "{path}", "one", "--out", "{folder}/swept"],
    "verify": ["http://localhost", "{path}", "one", "--model", "m"],
}
MORE = {"keyring split": ["--recipient", "age1"], "keyring export": ["--recipient", "age1"]}
# They make a keyring, or look at its file, and open none.
MAKERS = {"keyring create", "keyring combine", "doctor"}
ACCESS = {field.name for field in fields(Access)}


def commands(group=None, path=()):
    """Every command by what is typed for it, and its parameters by name."""
    group = get_command(command_line()) if group is None else group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), {given.name: given for given in command.params}


def shown(option):
    hidden = ("type", "type_descriptor")
    return {name: value for name, value in vars(option).items() if name not in hidden}


def test_every_command_that_opens_a_keyring_has_the_same_options():
    every = dict(commands())
    with_access = {name for name, given in every.items() if given.keys() >= ACCESS}
    assert with_access == OPENERS.keys()
    first, *others = (
        {option: shown(every[name][option]) for option in ACCESS} for name in with_access
    )
    assert all(other == first for other in others)


def test_no_command_that_takes_a_keyring_lacks_them():
    takes = {
        name
        for name, parameters in commands()
        for given in parameters.values()
        if "KEYRING" in str(given.metavar) or given.name == "keyring"
    }
    assert takes - MAKERS == OPENERS.keys()


@pytest.mark.parametrize("name", OPENERS)
def test_a_command_opens_it_with_the_options_given(name, tmp_path, monkeypatch, capfd):
    if name == "audit":
        pytest.importorskip("torch")
    opened = []

    def opening(access, path):
        opened.append((access, path))
        raise ValueError("opened")

    monkeypatch.setattr(Access, "open", opening)
    monkeypatch.setattr(Door, "__init__", lambda _, access, path: opening(access, path))
    monkeypatch.setattr(Evidence, "of_report", lambda *_, **__: None)
    path, folder = tmp_path / "k", tmp_path
    path.touch()
    (folder / "report").write_text("{}")
    (folder / "suspects").write_text("some/folder\n")
    options = ["--passphrase-file", "file", "--identity", "identity", "--accept-older"]
    given = [text.format(path=path, folder=folder) for text in OPENERS[name]]
    assert main([*name.split(), *given, *MORE.get(name, ()), *options]) == 2
    assert capfd.readouterr().err == "ifrs: opened\n"
    assert opened == [(Access(Path("file"), Path("identity"), True), path)]


def test_a_lost_keyring_is_told_from_one_that_never_was(tmp_path, monkeypatch, capsys):
    from ifrs.cli import main

    monkeypatch.setenv("IFRS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("IFRS_PASSPHRASE", "correct horse battery")
    path = tmp_path / "keyring.ifrs"
    assert main(["keyring", "list", str(path)]) == 2
    assert "ifrs keyring create makes one" in capsys.readouterr().err
    assert main(["keyring", "create", str(path)]) == 0
    assert main(["generate", str(path), "one"]) == 0
    assert main(["generate", str(path), "two"]) == 0
    backup = tmp_path / "keyring.ifrs.bak"
    before = backup.read_bytes()
    path.unlink()
    capsys.readouterr()
    assert main(["keyring", "list", str(path)]) == 2
    assert "keyring.ifrs.bak is how it was before its last change" in capsys.readouterr().err
    assert main(["keyring", "create", str(path)]) == 2
    assert "is the backup of a keyring that was here" in capsys.readouterr().err
    assert backup.read_bytes() == before
    path.write_bytes(before)
    assert main(["keyring", "list", str(path), "--accept-older"]) == 0
    assert "one" in capsys.readouterr().out
