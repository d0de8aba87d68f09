"""What a command warns of is one line."""

from __future__ import annotations

import warnings

import ifrs
from helpers import FAST
from ifrs.cli import main


def test_a_loose_mode_is_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "keyring"
    ifrs.Keyring.create(path, passphrase="x", _work_factor=FAST).close()
    path.chmod(0o644)
    monkeypatch.setenv("IFRS_PASSPHRASE", "x")
    before = warnings.showwarning
    assert main(["keyring", "list", str(path)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("ifrs: warning: ") for line in said] == [True]
    assert f"chmod 600 {path}" in said[0]
    assert warnings.showwarning is before
