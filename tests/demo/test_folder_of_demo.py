"""The demo's folder: a former demo is replaced, anything else is left alone."""

from __future__ import annotations

import ifrs
import pytest

pytest.importorskip("torch")
from ifrs.demo.folder import emptied


def test_a_former_demo_is_replaced(tmp_path):
    with ifrs.Keyring.create(tmp_path / "keyring.ifrs", passphrase="x", _work_factor=2) as ring:
        ring.generate("demo", 1)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").touch()
    emptied(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ifrs.IfrsError, match=r"thesis\.tex"):
        emptied(tmp_path)
    assert (tmp_path / "thesis.tex").exists()
