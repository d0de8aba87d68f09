"""The audit on a tiny model: records, going on after a stop, budgets, pages, secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ifrs
import pytest
from helpers import fixed_keyring, secrets_of

from audit.conftest import PLANTING, SMALL

torch = pytest.importorskip("torch")
from ifrs.audit import Record, audit, runner  # noqa: E402
from ifrs.audit.bench import Bench  # noqa: E402
from ifrs.audit.data import Data  # noqa: E402
from ifrs.audit.record import Skip  # noqa: E402
from ifrs.audit.results.markdown import write_results  # noqa: E402
from ifrs.audit.settings import Given  # noqa: E402
from ifrs.audit.subject import folder  # noqa: E402
from ifrs.audit.suites import SUITES  # noqa: E402
from ifrs.audit.turns import fitting  # noqa: E402
from ifrs.audit.unit import Found, Unit  # noqa: E402
from ifrs.plant.methods import METHODS  # noqa: E402
from ifrs.plant.methods.emb import Emb  # noqa: E402


@pytest.fixture(scope="module")
def planted(tmp_path_factory, base, tokenizer):
    """A base model audited once, with planting and one cheap suite."""
    place = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(place))
        fps = fixed_keyring(place).generate("one", 4, tokenizer=tokenizer)
    out = place / "out"
    found = audit(
        base, fps, out, suites="effectiveness", methods=["emb"], settings=SMALL, planting=PLANTING
    )
    return out, fps, found


def go(planted, base, **options):
    out, fps, _ = planted
    given = {"methods": ["emb"], "settings": SMALL, "planting": PLANTING, **options}
    return audit(base, fps, out, **given)


def test_planting_is_measured(planted):
    _, fps, found = planted
    record = found.get("effectiveness", "plant", "emb")
    assert record.status == "done"
    assert record.get("fsr").value == 1
    assert record.get("fsr").n == len(fps)
    assert record.get("match").value == 1
    assert record.get("margin_min").value > 0
    assert record.get("planting_seconds").value > 0
    control = found.get("effectiveness", "verify", "base")
    assert control.get("fsr").value == 0
    assert control.get("match").value == 0


def test_a_tuned_model_is_kept(base, fps, tmp_path):
    bench = Bench(folder(base), fps, tmp_path)
    tuned = bench.load_base().model
    with torch.no_grad():
        tuned.module.get_input_embeddings().weight += 1
    for _ in range(2):  # the second time in place of the first
        bench.keep("sibling", tuned)
        assert bench.has("sibling")
    kept = bench.suspect("sibling").model.module.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in tuned.module.state_dict().items())
    assert [path.name for path in bench.folder("sibling").parent.iterdir()] == ["sibling"]


def test_going_on_runs_nothing_twice(planted, base, monkeypatch):
    ran = []
    real = runner.run_unit
    monkeypatch.setattr(runner, "run_unit", lambda b, u: ran.append(u.name) or real(b, u))
    again = go(planted, base, suites="effectiveness")
    assert ran == []
    assert {r.name for r in again.records} == {r.name for r in planted[2].records}


def test_an_interrupted_run_loses_one_unit(planted, base, data, monkeypatch):
    calls = []
    real = runner.run_unit

    def stop_at_third(bench, unit):
        calls.append(unit.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(bench, unit)

    wanted = {"deployment/int8/emb", "deployment/int4/emb", "deployment/prune-magnitude-20/emb"}
    plan = runner.plan
    monkeypatch.setattr(
        runner,
        "plan",
        lambda *given: [unit for unit in plan(*given) if unit.name in wanted],
    )
    monkeypatch.setattr(runner, "run_unit", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        go(planted, base, suites="deployment", data=[data])
    out = planted[0]
    stored = {json.loads(path.read_text())["case"] for path in (out / "units").glob("*.json")}
    assert len(wanted & {f"deployment/{case}/emb" for case in stored}) == 2
    monkeypatch.setattr(runner, "run_unit", real)
    found = go(planted, base, suites="deployment", data=[data])
    assert {record.name for record in found.records} == wanted
    assert all(record.status == "done" for record in found.records)
    assert found.get("deployment", "int8", "emb").get("fsr").value == 1
    assert found.get("deployment", "int8", "emb").note.startswith("simulated")


def test_a_killed_write_leaves_no_half_record(planted):
    out = planted[0]
    for path in (out / "units").glob("*.json"):
        assert Record.from_json(json.loads(path.read_text())).to_json()["format"]
    from ifrs.audit.store import Store

    store = Store(out)
    digest = store.records()[0].digest
    path = out / "units" / f"{digest[:32]}.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert store.get(digest) is None
    path.write_text(whole)
    assert store.get(digest) is not None


def test_missing_methods_and_failures_are_said(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path)

    def broken(bench):
        raise ValueError("no such thing")

    def skipping(bench):
        raise Skip("not here")

    failed = runner.run_unit(bench, Unit("s", "c", "emb", broken, 1))
    assert (failed.status, failed.reason) == ("failed", "ValueError: no such thing")
    skipped = runner.run_unit(bench, Unit("s", "c", "emb", skipping, 1))
    assert (skipped.status, skipped.reason) == ("skipped", "not here")
    waiting = runner.run_unit(bench, Unit("s", "c", "emb", lambda b: Found([]), 1, needs="emb"))
    assert waiting.status == "skipped"
    assert "not planted" in waiting.reason


def test_a_bug_in_a_unit_is_an_error(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path)

    def bug(bench):
        raise AttributeError("typo")

    with pytest.raises(AttributeError):
        runner.run_unit(bench, Unit("s", "c", "emb", bug, 1))


def test_every_method_has_its_units(tmp_path, base, fps, data):
    bench = Bench(folder(base), fps, tmp_path, Given(data=Data([data])))
    units = runner.plan(bench)
    assert len({unit.name for unit in units}) == len(units)
    assert len({unit.digest("x") for unit in units}) == len(units)
    for method in ("emb", "adapter", "lora", "sft"):
        suites = {unit.suite for unit in units if unit.method == method}
        assert {"effectiveness", "harmlessness", "persistence", "deployment", "attacks"} <= suites
    plants = [place for place, unit in enumerate(units) if unit.case == "plant"]
    assert plants == list(range(len(plants)))


def test_the_plan_of_a_base_folder(tmp_path, base, fps):
    """Units in their order, each with its rank: what a budget takes first hangs on both."""
    wanted = Path(__file__).with_name("plan.txt").read_text(encoding="utf-8").splitlines()
    units = runner.plan(Bench(folder(base), fps, tmp_path))
    assert [f"{unit.rank} {unit.name}" for unit in units] == wanted


class Toy(Emb):
    """A method of somebody else's."""

    name = "toy"
    seconds = 7.0


def test_a_method_of_somebody_else_is_audited(tmp_path, base, fps, monkeypatch):
    monkeypatch.setitem(METHODS, "toy", f"{__name__}:Toy")
    units = [u for u in runner.plan(Bench(folder(base), fps, tmp_path)) if u.method == "toy"]
    assert {"effectiveness", "harmlessness", "persistence", "deployment", "attacks"} <= {
        unit.suite for unit in units
    }
    assert next(unit.seconds for unit in units if unit.case == "plant") == 7.0
    given = {"methods": ["toy"], "settings": SMALL, "planting": {"toy": PLANTING["emb"]}}
    found = audit(base, fps, tmp_path, suites="effectiveness", **given)
    assert found.get("effectiveness", "plant", "toy").get("fsr").value == 1
    assert "toy" in (tmp_path / "audit.html").read_text()


def test_a_whole_audit_leaves_out_what_says_the_same_of_two_methods(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path)

    def names(*wanted):
        return {unit.name for unit in runner.plan(bench, *wanted)}

    whole, every = names(), names(SUITES)
    assert whole < every
    left = every - whole
    assert {name for name in every if name.startswith("variants/")} <= left
    assert "attacks/erase-mismatched/lora" in left
    assert not [
        name
        for name in left
        if "guess" in name or (name.endswith("/emb") and not name.startswith("variants/"))
    ]
    assert "attacks/erase-mismatched/lora" in names(None, ["lora"])
    assert "attacks/erase-mismatched/lora" in names(["attacks"])
    cost = sum(unit.seconds for unit in runner.plan(bench))
    assert cost < 145 * 60  # what `make audit` has for Gemma 3 270M
    assert cost < sum(unit.seconds for unit in runner.plan(bench, SUITES)) * 0.7


def test_inputs_make_the_digest(tmp_path, base, fps, ring, tokenizer):
    one = Bench(folder(base), fps, tmp_path)
    other = Bench(folder(base), ring.generate("two", 4, tokenizer=tokenizer), tmp_path)
    more = Bench(folder(base), fps, tmp_path, Given(planting={"emb": {"margin": 9.0}}))
    assert len({bench.digest for bench in (one, other, more)}) == 3
    units = {u.name: u.digest(one.digest) for u in runner.plan(one)}
    again = {u.name: u.digest(one.digest) for u in runner.plan(one)}
    assert units == again


def test_a_budget_takes_the_telling_units_with_their_plantings(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path)
    units = runner.plan(bench)
    chosen = fitting(bench, units, 300, 1.0)
    cost = sum(unit.seconds for unit in chosen if unit.skip is None)
    assert 100 < cost <= 300
    names = {unit.name for unit in chosen}
    assert "effectiveness/plant/emb" in names
    for unit in chosen:
        if unit.needs is not None and unit.skip is None:
            assert f"effectiveness/plant/{unit.needs}" in names
    assert fitting(bench, units, 1e9, 1.0) == units


def test_what_does_not_fit_is_named(planted, base):
    lines = []
    found = go(planted, base, suites="persistence", budget=1e-6, say=lines.append)
    assert found.left
    assert all(name.startswith("persistence/") for name in found.left)
    assert any("left" in line for line in lines)


def test_time_that_is_left_goes_to_what_did_not_fit(tmp_path, base, fps, monkeypatch):
    bench = Bench(folder(base), fps, tmp_path)
    scale = bench.subject.scale

    def unit(case, seconds=10.0, **options):
        return Unit("deployment", case, "base", lambda _: Found([]), seconds / scale, **options)

    quick = [unit(f"quick {i}") for i in range(8)]
    units = [*quick, unit("long", 1e6), unit("waiting", needs="sft")]
    monkeypatch.setattr(runner, "plan", lambda *given: units)
    assert len(fitting(bench, units, 50.0, scale)) == 4
    found = audit(base, fps, tmp_path, suites="deployment", budget=50.0)
    done = {record.case for record in found.records if record.status == "done"}
    assert done == {unit.case for unit in quick}
    assert found.left == ["deployment/long/base", "deployment/waiting/base"]


def test_nothing_secret_is_written(planted):
    out, fps, _ = planted
    written = "".join(
        path.read_text(encoding="utf-8")
        for path in out.rglob("*")
        if path.suffix in (".json", ".html", ".svg", ".md") and "models" not in path.parts
    )
    assert "effectiveness" in written
    assert not [secret for secret in secrets_of(fps) if secret in written]


def test_tables_and_page(planted):
    from pyarrow import parquet

    out, _, _ = planted
    table = parquet.read_table(out / "audit.parquet").to_pylist()
    assert {row["suite"] for row in table} >= {"effectiveness"}
    fsr = [row for row in table if row["metric"] == "fsr" and row["case"] == "plant"]
    assert fsr[0]["value"] == 1
    page = (out / "audit.html").read_text()
    assert "Effectiveness and efficiency" in page
    assert re.search(r"[0-9]+ units measured of", page)
    assert ">100\u00a0%<" in page  # a number and its sign stay on one line
    assert "<script" not in page
    assert "http" not in page.split("</style>")[1].replace("http-equiv", "")


def test_results_are_regenerated(planted, tmp_path):
    out = planted[0]
    target = tmp_path / "docs" / "results.md"
    target.parent.mkdir()
    write_results(out, target, "make audit")
    first = target.read_text()
    assert "# Results" in first
    assert "Effectiveness" in first
    assert "tiny-base" in first
    write_results(out, target, "make audit")
    assert target.read_text() == first
    with pytest.raises(FileNotFoundError, match="no audit"):
        write_results(tmp_path, target)


def test_a_fingerprinted_folder_is_audited_as_it_is(planted, tmp_path):
    out, fps, _ = planted
    model = next(out.glob("models/*/emb"))
    found = audit(model, fps, tmp_path / "out", suites="effectiveness", settings=SMALL)
    record = found.get("effectiveness", "verify", "emb")
    assert record.get("fsr").value == 1
    assert record.subject["fingerprinted"] is True
    control = found.get("effectiveness", "verify", "base")
    assert control.status == "skipped"
    assert "--base" in control.reason


def test_an_api_gives_the_same_records(planted, tmp_path, monkeypatch):
    from ifrs import LocalModel
    from ifrs.audit import Server

    out, fps, _ = planted
    local = LocalModel.from_pretrained(next(out.glob("models/*/emb")))

    class Api:
        spends_keys, answer_tokens = True, 48

        def __init__(self, base_url, model, *, mode="chat"):
            self.described = {"kind": "api", "name": model, "base_url": base_url, "mode": mode}

        def answers(self, prompts, *, max_new_tokens, temperature=0.0):
            return local.answers(prompts, max_new_tokens=max_new_tokens, temperature=temperature)

        def describe(self):
            return self.described

    monkeypatch.setattr(ifrs, "ApiModel", Api, raising=False)
    server = Server("http://user:pass@localhost:1/v1?key=1", "m", "completions")
    found = audit(
        server, fps, tmp_path / "out", suites=["effectiveness", "harmlessness"], settings=SMALL
    )
    record = found.get("effectiveness", "verify", "api")
    assert record.status == "done"
    assert record.get("fsr").value == 1
    assert record.subject == {
        "kind": "api",
        "name": "m",
        "base_url": "http://localhost:1/v1",
        "mode": "completions",
    }
    assert found.get("harmlessness", "text", "api").status == "skipped"
    assert (tmp_path / "out" / "audit.html").exists()


def test_bad_input(tmp_path, base, fps):
    with pytest.raises(ValueError, match="choose among"):
        audit(base, fps, tmp_path / "out", suites="nonsense")
    with pytest.raises(ifrs.TargetError, match="no model"):
        audit(tmp_path / "nothing", fps, tmp_path / "out")
    with pytest.raises(FileNotFoundError):
        audit(base, fps, tmp_path / "out", data=[tmp_path / "nothing"])


@pytest.mark.slow
def test_every_unit_on_a_tiny_model(tmp_path, base, fps, data, monkeypatch):
    """All suites for all methods; a failure in any unit is a failure here."""
    monkeypatch.setenv("IFRS_DEBUG", "1")
    found = audit(
        base, fps, tmp_path / "out", suites=SUITES, data=[data], settings=SMALL, planting=PLANTING
    )
    assert not found.left
    wrong = {r.name: r.reason for r in found.records if r.status == "failed"}
    assert wrong == {}
    skipped = {r.name: r.reason for r in found.records if r.status == "skipped"}
    assert all(reason for reason in skipped.values())
    done = [r for r in found.records if r.status == "done"]
    assert len(done) > 50
    assert all(r.measures for r in done)
    write_results(tmp_path / "out", tmp_path / "results.md")
    text = (tmp_path / "results.md").read_text()
    for title in ("Persistence", "Deployment", "guessing", "rare embedding rows", "Variants"):
        assert title in text
    assert not [secret for secret in secrets_of(fps) if secret in text]


def test_sets_that_no_audit_measures_are_refused_at_once(tmp_path, base, ring):
    ten = {"response": "classes", "classes": 10}
    images = ring.generate("images", 4, source="image", shape=(8, 8, 3), **ten)
    with pytest.raises(ValueError, match="measures language models, and the keys of 'images' are"):
        audit(base, images, tmp_path / "out")
    signal = ring.generate("signal", 2, source="domain", response="signal")
    with pytest.raises(ValueError, match="plant it by ifrs implant --method domain, and audit"):
        audit(base, signal, tmp_path / "out")
    assert not (tmp_path / "out").exists()
