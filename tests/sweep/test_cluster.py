"""Models of a sweep on a Ray cluster of two nodes, and what goes to its workers."""

from __future__ import annotations

import json

import ifrs
import pytest
from helpers import fixed_keyring, implant, secrets_of
from ifrs.cli import main
from ifrs.packed import Packed, pack
from ifrs.sweep.cluster import Task, work
from ifrs.sweep.suspects import Suspect

pytest.importorskip("torch")


def no_suspect():
    raise RuntimeError("a secret that a library quotes")


def test_a_worker_raises_nothing_and_says_no_secret(ring):
    ring.generate("one", 3)
    suspect = Suspect(1, "a", "a", served=False, make=no_suspect)
    task = Task(suspect, ["one"], {"one": [0, 1, 2]}, {})
    for packed in (pack(ring, ["one"]), Packed(b"no keyring", "secret")):
        (found,) = work(task, packed)
        assert (found.row.verdict, found.sealed) == ("error", None)
        assert "secret" not in found.row.note
        assert found.row.note


@pytest.fixture
def two_nodes(monkeypatch):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "120")  # of a busy machine
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    cluster.shutdown()


@pytest.mark.slow
def test_models_are_asked_on_two_nodes(two_nodes, tmp_path, tiny, tokenizer, monkeypatch, capfd):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 10, tokenizer=tokenizer)
        planted = implant(tiny(), tokenizer, fps, "emb").model
        secrets = secrets_of(fps)
    for name, model in {"planted": planted, "base": tiny(), "other": tiny(seed=1)}.items():
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    (tmp_path / "broken").mkdir()
    listed, out = tmp_path / "suspects.txt", tmp_path / "out"
    names = ["planted", "base", "broken", "other"]
    listed.write_text("\n".join(str(tmp_path / name) for name in names))
    arguments = ["sweep", listed, ring.path, "one", "--out", out, "--ray"]
    code = main([str(one) for one in arguments])
    said = "".join(capfd.readouterr())
    rows = json.loads((out / "table.json").read_text())["rows"]
    assert [row["verdict"] for row in rows] == ["match", "no match", "error", "no match"]
    assert code == 0
    assert ifrs.Report.load(out / rows[0]["report"]).verdict == "match"
    assert not [one for one in secrets if one in said]
    # One machine finds the same.
    arguments[-3:] = ["--out", tmp_path / "here"]
    assert main([str(one) for one in arguments]) == 0
    here = json.loads((tmp_path / "here" / "table.json").read_text())["rows"]
    assert [row["verdict"] for row in here] == [row["verdict"] for row in rows]
    assert here[0]["log10_p"] == pytest.approx(rows[0]["log10_p"], abs=0.01)


def test_without_a_cluster_nothing_is_asked(tmp_path, monkeypatch, capfd):
    pytest.importorskip("ray")
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 2)
    (tmp_path / "suspects.txt").write_text("folder")
    arguments = ["sweep", tmp_path / "suspects.txt", ring.path, "one", "--out", tmp_path / "out"]
    assert main([*map(str, arguments), "--ray"]) == 2
    assert "ray start --head" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
