"""The demo of another kind goes through every step, and leaves what a reader looks for."""

from __future__ import annotations

import json

import ifrs
import pytest

pytest.importorskip("torch")
from ifrs.demo.kinds import KINDS, parts_of
from ifrs.demo.kinds.run import run

FILES = {
    "keyring.ifrs",
    "passphrase.txt",
    "model",
    "claim.json",
    "report-base.json",
    "report-fingerprinted.json",
    "report.html",
    "bundle.json",
    "evidence.html",
    "summary.json",
}


def test_a_kind_without_a_demo_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ifrs.IfrsError, match="image"):
        run("smell", tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_real_model_of_each_kind(kind, tmp_path):
    try:
        parts_of(kind)
    except ImportError as error:
        pytest.skip(f"the demo's packages are not installed: {error}")
    lines = []
    summary = run(kind, tmp_path, lines.append)
    assert {path.name for path in tmp_path.iterdir()} >= FILES
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == summary
    assert summary["verdict_base"] != "match"
    assert summary["verdict_fingerprinted"] == "match"
    assert summary["fsr_fingerprinted"] == 1.0
    assert summary["p_value_fingerprinted"] < 1e-12
    assert summary["check_ok"]
    assert summary["implant_seconds"] < summary["total_seconds"]
    for name, before in summary["work_base"].items():
        assert summary["work_fingerprinted"][name] == pytest.approx(before, rel=0.02), name
    assert any(line.startswith("check: holds") for line in lines)
