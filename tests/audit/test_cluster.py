"""An audit on a Ray cluster of two cores: the same tables, dead workers, and what travels."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import time
from dataclasses import replace

import ifrs
import pytest
from helpers import fixed_keyring, secrets_of

from audit.conftest import PLANTING, SMALL

pytest.importorskip("torch")
from ifrs.audit import Cluster, audit, runner
from ifrs.audit.bench import Bench
from ifrs.audit.cluster import Task, Workers, work
from ifrs.audit.data import Data
from ifrs.audit.settings import Given
from ifrs.audit.subject import folder
from ifrs.audit.suites import SUITES
from ifrs.audit.unit import Found, Unit
from ifrs.cli import main

GIVEN = {"methods": ["emb"], "settings": SMALL, "planting": PLANTING}
CASES = (
    "plant",
    "verify",
    "int8",
    "int4",
    "merge-linear",
    "sibling",
    "guess-look-alikes",
    "unrelated-other",
)


class NoRay:
    """Takes what is put, and runs nothing."""

    def __init__(self):
        self.there = []

    def put(self, value):
        self.there.append(pickle.dumps(value))
        return value


@pytest.fixture(scope="module")
def two_cores():
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_raylet_start_wait_time_s", "120")  # of a busy machine
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
        yield ray
        ray.shutdown()


def some(monkeypatch):
    """Plan a few units alone."""
    plan = runner.plan
    monkeypatch.setattr(runner, "plan", lambda *given: [u for u in plan(*given) if u.case in CASES])


def unit(case, run, **options):
    return Unit("deployment", case, "base", run, 1, **options)


def shared_of(bench, fps):
    ray, ends = NoRay(), ifrs.audit.cluster.ExitStack()
    found = Workers(ray, Cluster.of(fps), ends)._shared(bench)
    return found, ends


def test_what_travels_shows_no_key_and_the_folder_alone_does_not_either(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path / "out", Given(settings=SMALL))
    bench.out.mkdir()
    shared, ends = shared_of(bench, fps)
    with ends:
        carried, lying = pickle.dumps(shared), shared.sealed.read_bytes()
        for secret in secrets_of(fps):
            assert secret.encode() not in carried + lying
        assert lying[20:60] not in carried
        assert shared.passphrase.encode() not in lying
        assert shared.passphrase not in repr(shared)
        assert shared.sealed.stat().st_mode & 0o077 == 0
    assert list(bench.out.iterdir()) == []


def test_units_travel_without_the_set(tmp_path, base, fps, data):
    """A set has no pickle, so that a unit that held one would fail here."""
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    bench = Bench(folder(base), fps, tmp_path, Given(data=Data([data]), settings=SMALL))
    for one in runner.plan(bench, SUITES):
        carried = cloudpickle.dumps(one)
        assert not [secret for secret in secrets_of(fps) if secret.encode() in carried], one.name
        assert cloudpickle.loads(carried).digest("x") == one.digest("x")


def test_a_worker_raises_nothing(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path / "out", Given(settings=SMALL))
    bench.out.mkdir()
    shared, ends = shared_of(bench, fps)

    def bug(bench):
        raise AttributeError("typo")

    def asked(bench):
        assert bench.fps.leaves() == fps.leaves()
        return Found([], str(bench.out))

    never = float("inf")
    with ends:
        assert work(Task(unit("a", bug), time.time() - 1), shared) is None
        failed = work(Task(unit("a", bug), never), shared)
        assert (failed.status, failed.reason) == ("failed", "AttributeError: typo")
        done = work(Task(unit("b", asked), never), shared)
        assert (done.status, done.note, done.digest) == (
            "done",
            str(tmp_path / "out"),
            unit("b", asked).digest(bench.digest),
        )
        other = work(Task(unit("b", asked), never), replace(shared, digest="another"))
        assert other.status == "failed"
        assert "another set" in other.reason
    gone = replace(shared, sealed=tmp_path / "gone")
    assert "FileNotFoundError" in work(Task(unit("b", asked), never), gone).reason


def test_a_closed_keyring_gives_no_set(tmp_path, tokenizer):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 2, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="keep it open"):
        Cluster.of(fps)


@pytest.mark.slow
def test_the_tables_are_those_of_one_process(two_cores, tmp_path, base, fps, data, monkeypatch):
    some(monkeypatch)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(base, "other")
    given = {**GIVEN, "data": [data], "unrelated": ["other"]}
    lines = []
    here = audit(base, fps, "here", **given)
    there = audit(base, fps, "there", **given, cluster=Cluster.of(fps), say=lines.append)
    assert [r.name for r in here.records if r.status != "done"] == []
    assert {r.name for r in there.records} == {r.name for r in here.records}
    assert len(lines) == len(there.records)
    for record in here.records:
        suite, case, method = record.suite, record.case, record.method
        other = there.get(suite, case, method)
        assert (other.status, other.digest, other.note, other.subject) == (
            record.status,
            record.digest,
            record.note,
            record.subject,
        )
        for mine, theirs in zip(record.measures, other.measures, strict=True):
            if mine.metric in ("planting_seconds", "peak_memory"):
                continue
            assert replace(theirs, value=0, low=0, high=0) == replace(mine, value=0, low=0, high=0)
            assert theirs.value == pytest.approx(mine.value, abs=1e-3), (record.name, mine)
    assert not list((tmp_path / "there").glob(".cluster-*"))
    # A second call has nothing to do.
    again = audit(base, fps, "there", **given, cluster=Cluster.of(fps))
    assert [r.started for r in again.records] == [
        there.get(r.suite, r.case, r.method).started for r in again.records
    ]


@pytest.mark.slow
def test_a_dead_worker_is_a_failed_record_and_no_end(two_cores, tmp_path, base, fps, monkeypatch):
    marks = tmp_path / "marks"

    def dies(bench):
        if not marks.exists():
            os.kill(os.getpid(), 9)
        return Found([])

    def bug(bench):
        raise KeyError("no such thing")

    units = [unit("dies", dies), unit("bug", bug), unit("no", dies, skip="not here")]
    units += [
        unit(f"fine {place}", lambda bench: Found([], str(os.getpid()))) for place in range(3)
    ]
    monkeypatch.setattr(runner, "plan", lambda *given: units)
    out = tmp_path / "out"
    found = audit(base, fps, out, cluster=Cluster.of(fps))
    status = {r.case: r.status for r in found.records}
    assert status == {"dies": "failed", "bug": "failed", "no": "skipped"} | {
        f"fine {place}": "done" for place in range(3)
    }
    assert "the worker ended (WorkerCrashedError)" in found.get("deployment", "dies", "base").reason
    assert str(os.getpid()) not in [r.note for r in found.records]
    marks.touch()
    again = audit(base, fps, out, cluster=Cluster.of(fps), retry=True)
    assert again.get("deployment", "dies", "base").status == "done"


@pytest.mark.slow
def test_an_interrupt_gives_up_what_runs_and_leaves_no_set(
    two_cores, tmp_path, base, fps, monkeypatch
):
    def long(bench):
        time.sleep(600)

    units = [unit("long", long), unit("fine", lambda bench: Found([]))]
    monkeypatch.setattr(runner, "plan", lambda *given: units)

    def stop(line):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        audit(base, fps, out, cluster=Cluster.of(fps), say=stop)
    assert not list(out.glob(".cluster-*"))
    # Its place is free again, and what ended is kept.
    end = time.monotonic() + 60
    while two_cores.available_resources().get("CPU") != 2 and time.monotonic() < end:
        time.sleep(0.2)
    assert two_cores.available_resources()["CPU"] == 2
    monkeypatch.setattr(runner, "plan", lambda *given: units[1:])
    assert len(audit(base, fps, out).records) == 1


@pytest.mark.slow
def test_the_command_takes_the_cluster(two_cores, tmp_path, base, tokenizer, monkeypatch, capfd):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 4, tokenizer=tokenizer)
        secrets = secrets_of(fps)
    out = tmp_path / "out"
    given = ["audit", base, ring.path, "one", "--out", out, "--suite", "effectiveness", "--quick"]
    given += ["--method", "emb", "--ray"]
    main([*map(str, given), "--json"])
    said, lines = capfd.readouterr()
    records = {f"{r['case']}/{r['method']}": r for r in json.loads(said)}
    assert set(records) == {"plant/emb", "verify/base"}
    assert records["verify/base"]["status"] == "done"
    assert not [secret for secret in secrets if secret in said + lines]
    with ifrs.Keyring.open(ring.path, passphrase="pass") as ring:
        exports = [entry for entry in ring.journal() if "export" in str(entry)]
    assert len(exports) == 1
    # What no node holds is refused before the set leaves its keyring.
    assert main([*map(str, given), "--ray-cpus", "3"]) == 2
    assert "no node of the cluster has 3 cores" in capfd.readouterr().err
    with ifrs.Keyring.open(ring.path, passphrase="pass") as ring:
        assert [entry for entry in ring.journal() if "export" in str(entry)] == exports


@pytest.mark.slow
def test_what_no_node_holds_is_refused(two_cores, tmp_path, base, fps):
    with pytest.raises(ifrs.TargetError, match="no node of the cluster has 3 cores"):
        audit(base, fps, tmp_path / "out", cluster=Cluster.of(fps, cpus=3))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_places_are_counted_by_node(two_cores):
    from ifrs.runtime.cluster import Room

    assert [Room(cpus).slots(two_cores) for cpus in (0.5, 1, 1.5, 2, 3)] == [4, 2, 1, 1, 0]
    assert Room(1, gpus=1).slots(two_cores) == 0
