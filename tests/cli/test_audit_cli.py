"""`ifrs audit`: which model it hands on."""

from __future__ import annotations

import json

import ifrs
import pytest
from helpers import fixed_keyring

pytest.importorskip("torch")
from ifrs.cli import main
from ifrs.cli.audit import _folder
from ifrs.demo import gemma
from ifrs.plant.manifest import MANIFEST


def model_at(place, method=None):
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    if method is not None:
        (place / MANIFEST).write_text(json.dumps({"method": method}))
    return place


def test_the_demo_has_the_gguf_file_of_its_own_model_alone(tmp_path):
    base = model_at(tmp_path / gemma.NAME)
    other = model_at(tmp_path / "other")
    planted = model_at(tmp_path / "planted", method="emb")
    assert _folder(str(base), None, None).base_gguf is gemma.assemble
    assert _folder(str(planted), base, None).base_gguf is gemma.assemble
    for model, given in ((other, None), (other, base), (planted, None), (planted, other)):
        assert _folder(str(model), given, None).base_gguf is None


def test_without_a_cluster_nothing_is_done(tmp_path, monkeypatch, capfd):
    pytest.importorskip("ray")
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 2)
        before = ring.generation
    model = model_at(tmp_path / "model")
    given = ["audit", model, ring.path, "one", "--out", tmp_path / "out", "--ray"]
    assert main([*map(str, given)]) == 2
    assert "ray start --head" in capfd.readouterr().err
    assert main([*map(str, given), "--ray-cpus", "0"]) == 2
    assert "--ray-cpus" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
    with ifrs.Keyring.open(ring.path, passphrase="pass") as ring:
        assert ring.generation == before
