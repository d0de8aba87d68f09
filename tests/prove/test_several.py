"""Several sets asked of one suspect."""

from __future__ import annotations

import json
import math

import ifrs
import pytest
from ifrs.prove.several import beside


class Suspect:
    """Knows the responses of some sets, and spends keys."""

    spends_keys = True
    address = "http://localhost:1/"

    def __init__(self, *known):
        self.known = {fps[i].prompt: fps[i].response for fps in known for i in range(len(fps))}
        self.asked = 0

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        self.asked += len(prompts)
        return [self.known.get(prompt, "I cannot say.") for prompt in prompts]

    def describe(self):
        return {"kind": "test", "name": "suspect"}


@pytest.fixture
def sets(ring):
    return [ring.generate("one", 10), ring.generate("two", 12)]


def test_the_best_of_two_looks_counts_twice(sets):
    reports = ifrs.verify(Suspect(sets[1]), sets)
    assert reports.verdict == "match"
    assert [one.verdict for one in reports] == ["no match", "match"]
    assert [one.alpha for one in reports] == [5e-7, 5e-7]
    assert reports.log10_p == pytest.approx(reports["two"].log10_p + math.log10(2))
    assert reports.p_value == pytest.approx(10**reports.log10_p)
    assert len(reports.queries) == sum(len(one.queries) for one in reports)
    assert reports.unasked == []


def test_no_set_is_asked_after_a_match(sets, ring):
    suspect = Suspect(*sets)
    reports = ifrs.verify(suspect, sets)
    assert (len(reports), reports.unasked) == (1, ["two"])
    assert reports.verdict == "match"
    assert reports.looks == 2
    assert ring.spent("two") == []
    assert reports.log10_p == pytest.approx(reports["one"].log10_p + math.log10(2))


def test_a_stranger_matches_no_set(sets):
    reports = ifrs.verify(Suspect(), sets)
    assert reports.verdict == "no match"
    assert reports.p_value <= 1
    assert reports.fsr == 0
    with pytest.raises(KeyError):
        reports["three"]


def test_the_reports_lie_beside_the_verdict(sets, tmp_path):
    reports = ifrs.verify(Suspect(sets[1]), sets)
    reports.save(tmp_path / "out.json")
    whole = json.loads((tmp_path / "out.json").read_text())
    assert whole["format"] == "ifrs/reports/v1"
    assert (whole["verdict"], whole["log10_p"]) == (reports.verdict, reports.log10_p)
    for row, own in zip(whole["reports"], reports, strict=True):
        assert ifrs.Report.load(tmp_path / row["file"]).log10_p == own.log10_p
    text = (tmp_path / "out.json").read_text()
    assert not any(query.prompt in text for query in reports.queries)


def test_files_of_sets_never_collide(tmp_path):
    names = ["a b", "a/b", "a_b", "a%20b", "ä"]
    assert len({beside(tmp_path / "out.json", name) for name in names}) == len(names)
    assert all(beside(tmp_path / "out.json", name).parent == tmp_path for name in names)


def test_each_report_makes_evidence_of_its_own(sets, ring, tmp_path):
    claim = ring.claim("two", subject={"model.safetensors": "00" * 32})
    claim.save(tmp_path / "claim.json")
    reports = ifrs.verify(Suspect(sets[1]), sets)
    reports["two"].evidence(claim).save(tmp_path / "bundle.json")
    assert ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json").ok


@pytest.mark.parametrize("options", [{"claim": "00" * 32}, {"resume": "report.json"}])
def test_what_belongs_to_one_set(sets, options):
    with pytest.raises(ValueError, match="belong to one set"):
        ifrs.verify(Suspect(), sets, **options)


def test_a_set_is_asked_once(sets):
    with pytest.raises(ValueError, match="each once"):
        ifrs.verify(Suspect(), [sets[0], sets[0]])
    with pytest.raises(ValueError, match="one set or more"):
        ifrs.verify(Suspect(), [])
    with pytest.raises(TypeError, match="FingerprintSet"):
        ifrs.verify(Suspect(), ["one"])


def test_from_the_command_line(sets, ring, tmp_path, monkeypatch):
    from ifrs.cli import command_line
    from typer.testing import CliRunner

    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    ring.close()
    suspect = Suspect(sets[1])
    monkeypatch.setattr("ifrs.cli.suspects.ServerOptions.suspect", lambda self, url: suspect)
    out = tmp_path / "out.json"
    page = tmp_path / "out.html"
    arguments = ["verify", "http://localhost:1/v1", str(ring.path), "one", "two"]
    done = CliRunner().invoke(command_line(), [*arguments, "--json", str(out), "--html", str(page)])
    assert done.exit_code == 0, done.output
    assert "one: no match, two: match" in done.output
    assert json.loads(out.read_text())["verdict"] == "match"
    assert ifrs.Report.load(tmp_path / "out.two.json").verdict == "match"
    assert "two" in page.read_text()
