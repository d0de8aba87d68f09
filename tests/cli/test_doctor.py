"""`ifrs doctor` says what is there and what is missing."""

from __future__ import annotations

import json
import sys

import pytest
from ifrs.cli import command_line, main
from ifrs.cli import doctor as of
from typer.testing import CliRunner


def rows(*arguments):
    done = CliRunner().invoke(command_line(), ["doctor", "--json", *arguments])
    return done.exit_code, {row["name"]: row for row in json.loads(done.stdout)}


def test_what_is_there():
    code, found = rows()
    assert code == 0
    assert {"ifrs", "Python", "machine", "scoring", "torch", "state folder", "api"} <= set(found)
    assert "dev" not in found


def test_an_extra_that_is_missing(monkeypatch, capsys):
    versions = of.metadata.version

    def version(name):
        if name == "jinja2":
            raise of.metadata.PackageNotFoundError(name)
        return "0.1" if name == "torch" else versions(name)

    monkeypatch.setattr(of.metadata, "version", version)
    code, found = rows()
    assert code == 0  # nobody asked for it
    assert found["api"]["state"] == "missing"
    assert "jinja2 is missing" in found["api"]["what"]
    assert "pip install 'ifrs[api]'" in found["api"]["what"]
    # An extra that names another one lacks what that one lacks.
    assert "torch is 0.1, not" in found["train"]["what"]
    assert "torch is 0.1, not" in found["vision"]["what"]
    capsys.readouterr()
    assert main(["doctor", "--extra", "api"]) == 1
    out, err = capsys.readouterr()
    assert "api: jinja2 is missing" in err
    assert "jinja2 is missing" in out
    assert "Python" not in out  # the rest was not asked for


def test_many_packages_are_counted_and_each_once(monkeypatch):
    def version(name):
        raise of.metadata.PackageNotFoundError(name)

    wanted = [
        "a>=1; extra == 'one'",
        "b; extra == 'one'",
        "ifrs[one]; extra == 'two'",
        "ifrs[one,two]; extra == 'all'",
        *[f"{name}; extra == 'all'" for name in "cde"],
    ]
    monkeypatch.setattr(of.metadata, "requires", lambda _: wanted)
    monkeypatch.setattr(of.metadata, "version", version)
    said = {row["name"]: row["what"] for row in of._extras()}
    assert said == {
        "one": "a and b are missing: pip install 'ifrs[one]'",
        "two": "a and b are missing: pip install 'ifrs[two]'",
        "all": "a, b, c and 2 more are missing: pip install 'ifrs[all]'",
    }


def test_an_extra_that_does_not_exist(capsys):
    assert main(["doctor", "--extra", "quantum"]) == 2
    assert "there is no extra 'quantum'; there are api, " in capsys.readouterr().err


def test_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert rows()[1]["torch"]["state"] == "missing"


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("IFRS_PASSPHRASE", "correct horse")
    assert rows()[1]["IFRS_PASSPHRASE"]["what"] == "set"


def test_the_state_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("IFRS_STATE_DIR", str(tmp_path / "new"))
    assert "made when needed" in rows()[1]["state folder"]["what"]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IFRS_STATE_DIR", str(tmp_path / "file"))
    assert rows()[1]["state folder"]["state"] == "bad"


def test_a_keyring(ring, tmp_path):
    ring.close()
    code, found = rows("--keyring", str(ring.path))
    assert (code, found[str(ring.path)]["state"]) == (0, "ok")
    ring.path.chmod(0o644)
    code, found = rows("--keyring", str(ring.path))
    assert code == 1
    assert "chmod 600" in found[str(ring.path)]["what"]


@pytest.mark.parametrize(("name", "says"), [("none", "cannot be looked at"), ("text", "no age")])
def test_what_is_no_keyring(tmp_path, name, says):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    code, found = rows("--keyring", str(tmp_path / name))
    assert code == 1
    assert says in found[str(tmp_path / name)]["what"]
