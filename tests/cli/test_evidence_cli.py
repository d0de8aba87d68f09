"""`ifrs claim`, `ifrs evidence`, `ifrs check`: what they print, and their exit codes."""

from __future__ import annotations

import json
import re

import ifrs
import pytest
from helpers import fixed_keyring
from ifrs.cli import main
from ifrs.modalities.suspect import Target


class Descendant:
    def __init__(self, fps):
        self.known = {fps[i].prompt: fps[i].response for i in range(len(fps))}

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [self.known[prompt] for prompt in prompts]

    def describe(self):
        return {"kind": "test", "name": "suspect"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A keyring, a released model and a report, as files."""
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    ring = fixed_keyring(tmp_path)
    fps = ring.generate("one", 6)
    target = Descendant(fps)
    assert isinstance(target, Target)
    ifrs.verify(target, fps, sequential=False).save(tmp_path / "report.json")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def run(*arguments, capfd) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return code, *capfd.readouterr()


def test_claim_evidence_check(folder, capfd):
    claim, bundle, page = (folder / name for name in ("claim.json", "bundle.json.gz", "page.html"))
    subject = ["--subject", folder / "model", "--out", claim, "--json"]
    code, out, _ = run("claim", folder / "keyring.ifrs", "one", *subject, capfd=capfd)
    facts = json.loads(out)
    assert (code, facts["keys"], facts["files"], facts["timestamp"]) == (0, 6, 1, None)
    code, out, _ = run("keyring", "show", folder / "keyring.ifrs", "--json", capfd=capfd)
    assert json.loads(out)["public key"] == facts["public_key"]
    made = ["evidence", folder / "report.json", claim, "--out", bundle, "--reveal", 4, "--json"]
    code, out, _ = run(*made, "--keyring", folder / "keyring.ifrs", capfd=capfd)
    assert (code, json.loads(out)["revealed"]) == (0, 4)
    shown = [query["index"] for query in ifrs.Evidence.load(bundle).to_json()["queries"]]
    with ifrs.Keyring.open(folder / "keyring.ifrs", passphrase="pass") as ring:
        assert ring.spent("one") == sorted(shown)
        last = ring.journal()[-1]
        assert (last["event"], last["to"]) == ("revealed", ["bundle.json.gz"])
    (folder / "key.txt").write_text(facts["public_key"])
    options = ["--publisher-key", folder / "key.txt", "--model", folder / "model", "--html", page]
    code, out, _ = run("check", bundle, claim, *options, "--json", capfd=capfd)
    result = json.loads(out)
    assert (code, result["ok"], result["verdict"], result["problems"]) == (0, True, "match", [])
    assert "descends from" in page.read_text()
    code, out, _ = run("check", bundle, claim, capfd=capfd)
    assert code == 0
    assert "holds" in out
    code, out, _ = run("check", bundle, claim, "--released", "2020-01-01", capfd=capfd)
    assert code == 1
    assert "does not hold" in out
    assert "p_value" not in out
    assert "match" not in out
    code, out, _ = run("check", bundle, claim, "--publisher-key", "22" * 32, capfd=capfd)
    assert code in (1, 2)


def test_the_journal_is_of_the_same_set(folder, capfd):
    """A set of the same name with other keys is not marked, and the bundle is not written."""
    claim, bundle = folder / "claim.json", folder / "bundle.json"
    options = ["--subject", folder / "model", "--out", claim]
    assert run("claim", folder / "keyring.ifrs", "one", *options, capfd=capfd)[0] == 0
    with ifrs.Keyring.create(folder / "other.ifrs", passphrase="pass", _work_factor=2) as other:
        other.generate("one", 6)
    made = ["evidence", folder / "report.json", claim, "--out", bundle]
    code, out, err = run(*made, "--keyring", folder / "other.ifrs", capfd=capfd)
    assert (code, out, bundle.exists()) == (2, "", False)
    assert "is not the report's" in err
    with ifrs.Keyring.open(folder / "other.ifrs", passphrase="pass") as other:
        assert other.spent("one") == []
    code, out, err = run(*made, "--json", capfd=capfd)
    assert (code, bundle.exists()) == (0, True)
    assert "ifrs: warning: without --keyring" in err
    assert json.loads(out)["revealed"] == 6
    code, _, err = run(*made, "--keyring", folder / "keyring.ifrs", capfd=capfd)
    assert (code, "a bundle is not replaced" in err) == (2, True)
    bundle.unlink()
    given = ["--keyring", folder / "keyring.ifrs", "--reveal", 6]
    code, _, err = run(*made, *given, capfd=capfd)
    assert (code, err) == (0, "")
    code, _, err = run("evidence", claim, folder / "report.json", "--out", "b", capfd=capfd)
    assert (code, "the report is first, then the claim" in err) == (2, True)


def test_errors(folder, capfd):
    claim = folder / "claim.json"
    ring = folder / "keyring.ifrs"
    base = ["claim", ring, "one", "--subject", folder / "model", "--out"]
    assert run(*base, claim, capfd=capfd)[0] == 0
    for arguments, says in (
        ([*base, claim], "exists already"),
        ([*base, folder / "none" / "claim.json"], "no folder"),
        (["claim", ring, "two", *base[3:], folder / "c.json"], 'no set "two"'),
        (["claim", ring, "one", "--subject", folder / "x", "--out", folder / "c"], "no model at"),
        (["evidence", claim, claim, "--out", folder / "b"], "report"),
        (["evidence", folder / "none", claim, "--out", folder / "b"], "No such file"),
        (["evidence", folder / "report.json", folder / "report.json", "--out", "b"], "claim"),
        (["check", folder / "none", claim], "No such file"),
        (["check", claim, claim, "--publisher-key", "xyz"], "public key"),
        (["check", claim, claim, "--released", "soon"], "released"),
    ):
        code, out, err = run(*arguments, capfd=capfd)
        assert (code, out) == (2, ""), arguments
        assert says in err
        assert err.count("\n") == 1
    journal = ifrs.Keyring.open(ring, passphrase="pass").journal()
    assert [entry["event"] for entry in journal].count("claimed") == 1
    code, out, _ = run("check", claim, claim, capfd=capfd)
    assert code == 1
    assert "bundle cannot be read" in out


def test_a_report_is_no_bundle(folder, capfd):
    claim, report = folder / "claim.json", folder / "report.json"
    subject = ["--subject", folder / "model", "--out", claim]
    run("claim", folder / "keyring.ifrs", "one", *subject, capfd=capfd)
    code, out, err = run("check", report, claim, capfd=capfd)
    assert (code, out) == (2, "")
    assert "is a report, which stays private: make a bundle of it (ifrs evidence)" in err


def test_keys_that_are_shown_unasked_are_counted(folder, capfd):
    claim, bundle = folder / "claim.json", folder / "bundle.json"
    subject = ["--subject", folder / "model", "--out", claim]
    run("claim", folder / "keyring.ifrs", "one", *subject, capfd=capfd)
    _, out, err = run("evidence", folder / "report.json", claim, "--out", bundle, capfd=capfd)
    shown = re.search(r"revealed +(\d+)", out)
    assert f"all {shown[1]} keys are shown, and spent by it: --reveal N shows fewer" in err


def test_files_in_the_wrong_places(folder, capfd):
    claim, bundle = folder / "claim.json", folder / "bundle.json"
    subject = ["--subject", folder / "model", "--out", claim]
    run("claim", folder / "keyring.ifrs", "one", *subject, capfd=capfd)
    run("evidence", folder / "report.json", claim, "--out", bundle, capfd=capfd)
    code, out, err = run("check", claim, bundle, capfd=capfd)
    assert (code, out) == (2, "")
    assert err == "ifrs: the files are in the wrong order: the bundle is first, then the claim\n"
    code, out, err = run("evidence", bundle, claim, "--out", folder / "b.json", capfd=capfd)
    assert (code, out) == (2, "")
    assert "is a bundle: give the report" in err
    assert run("check", bundle, folder / "none.json", capfd=capfd)[0] == 2


def test_a_bundle_of_no_match_says_what_it_costs(folder, capfd):
    class Silent(Descendant):
        def answers(self, prompts, *, max_new_tokens, temperature=0.0):
            return ["nothing" for _ in prompts]

    with ifrs.Keyring.open(folder / "keyring.ifrs", passphrase="pass") as ring:
        fps = ring["one"]
        ifrs.verify(Silent(fps), fps, sequential=False).save(folder / "none.json")
        ring.claim("one", subject=folder / "model").save(folder / "claim.json")
    made = ["evidence", folder / "none.json", folder / "claim.json", "--out", folder / "b.json"]
    code, _, said = run(*made, "--keyring", folder / "keyring.ifrs", capfd=capfd)
    assert code == 0
    assert "shows no match" in said


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "has no ifrs-manifest.json"),
        ({"set": "two"}, "was planted with two"),
        ({"sets": [{"set": "one"}, {"set": "two"}]}, None),
    ],
)
def test_a_claim_of_a_model_that_does_not_name_the_set(folder, capfd, manifest, said):
    if manifest is not None:
        (folder / "model" / "ifrs-manifest.json").write_text(json.dumps(manifest))
    options = ["--subject", folder / "model", "--out", folder / "claim.json"]
    code, _, warned = run("claim", folder / "keyring.ifrs", "one", *options, capfd=capfd)
    assert code == 0
    assert (said in warned) if said else not warned


def test_evidence_that_cannot_be_made_is_said_to_be_none(folder, capfd):
    ring, claim = folder / "keyring.ifrs", folder / "claim.json"
    with ifrs.Keyring.open(ring, passphrase="pass") as opened:
        opened.generate("two", 6)
    run("claim", ring, "two", "--subject", folder / "model", "--out", claim, capfd=capfd)
    made = ["evidence", folder / "report.json", claim, "--out", folder / "b.json"]
    _, _, err = run(*made, capfd=capfd)
    assert err.startswith("ifrs: no bundle can be made: the report is about another set")


def test_a_bundle_of_another_claim_has_that_problem_alone(folder, capfd):
    ring, claims = folder / "keyring.ifrs", [folder / "1.json", folder / "2.json"]
    (folder / "other").mkdir()
    (folder / "other" / "model.safetensors").write_bytes(b"other weights")
    for claim, model in zip(claims, ("model", "other"), strict=True):
        run("claim", ring, "one", "--subject", folder / model, "--out", claim, capfd=capfd)
    bundle = folder / "bundle.json"
    run("evidence", folder / "report.json", claims[0], "--out", bundle, capfd=capfd)
    assert ifrs.check(bundle, claims[0]).ok
    result = ifrs.check(bundle, claims[1])
    assert result.problems == ["the bundle was made for another claim than this one"]
    assert (result.verdict, result.p_value, result.target["name"]) == ("", 1.0, "suspect")
