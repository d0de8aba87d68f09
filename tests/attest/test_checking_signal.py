"""Evidence of a signal: what a stranger recomputes, and what is refused."""

import json
import math

import ifrs
import pytest
from alterations import altered
from helpers import fixed_keyring
from preferring import Preferring
from servers import Reply, prompt_of, serving

SIGNAL = {"source": "domain", "response": "signal"}


@pytest.fixture
def ring(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        yield ring


def shown(folder, ring, reveal=None, n=4):
    fps = ring.generate("n", n, **SIGNAL)
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(folder / "claim.json")
    report = ifrs.verify(Preferring(fps), fps, questions=25)
    report.evidence(claim, reveal=reveal).save(folder / "bundle.json")
    return fps, report


def checked(folder, tree=None, **terms):
    if tree is not None:
        (folder / "bundle.json").write_text(json.dumps(tree), encoding="utf-8")
    return ifrs.check(folder / "bundle.json", folder / "claim.json", **terms)


def bundle_at(folder):
    return json.loads((folder / "bundle.json").read_text(encoding="utf-8"))


def test_a_stranger_finds_what_the_publisher_found(tmp_path, ring):
    fps, report = shown(tmp_path, ring)
    found = checked(tmp_path)
    assert found.ok, found.problems
    assert (found.verdict, found.format) == ("match", "ifrs/evidence/v6")
    assert found.log10_p == pytest.approx(report.log10_p)
    assert [query["response"] for query in found.queries] == [one.response for one in fps]
    for query, own in zip(found.queries, report.queries, strict=True):
        assert query["pairs"] == own.tally["pairs"]
        assert query["spread"] == own.tally["spread"]
        assert query["score"] == pytest.approx(own.score)
        assert len(query["further"]) == 24
    page = tmp_path / "page.html"
    found.save_html(page)
    assert page.read_text(encoding="utf-8").count('class="spread"') == 4


def test_every_field_is_held_to(tmp_path, ring):
    shown(tmp_path, ring, reveal=1, n=2)
    tree = bundle_at(tmp_path)
    assert checked(tmp_path, tree, alpha=1e-3).ok
    count = 0
    for path, changed in altered(tree):
        if path[2:3] == ("further",) and len(path) > 3 and path[3] > 1:
            continue  # read as those before
        assert not checked(tmp_path, changed, alpha=1e-3).ok, path
        count += 1
    assert count > 100


def test_a_look_counts_three_times(tmp_path, ring):
    fps = ring.generate("n", 4, **SIGNAL)
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(tmp_path / "claim.json")
    report = ifrs.verify(Preferring(fps), fps)
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = checked(tmp_path)
    assert found.ok, found.problems
    assert found.log10_p == pytest.approx(report.log10_p)
    assert found.log10_p == pytest.approx(4 * -4.81648 + math.log10(3), abs=1e-3)
    assert any("three times" in note for note in found.notes)
    for looks in (2, 0, None, "3"):
        assert not checked(tmp_path, {**bundle_at(tmp_path), "looks": looks}).ok
    lacking = bundle_at(tmp_path)
    del lacking["looks"]
    assert not checked(tmp_path, lacking).ok


def test_part_of_the_domains_can_be_shown(tmp_path, ring):
    shown(tmp_path, ring, reveal=2)
    found = checked(tmp_path)
    assert found.ok, found.problems
    assert len(found.queries) == 2
    assert (found.verdict, found.silent) == ("match", 0)


@pytest.mark.parametrize("mode", ["chat", "completions"])
def test_a_server_is_asked(tmp_path, ring, mode):
    pytest.importorskip("httpx2")
    fps = ring.generate("n", 3, **SIGNAL)
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(tmp_path / "claim.json")
    writer = Preferring(fps)
    with serving(lambda request: Reply(text=writer.write(prompt_of(request))), of=dict) as server:
        suspect = ifrs.ApiModel(server.url, "suspect", mode=mode, max_retries=0)
        report = ifrs.verify(suspect, fps, questions=25)
    assert (report.kind, report.verdict) == ("text", "match")
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = checked(tmp_path)
    assert found.ok, found.problems
    assert found.verdict == "match"


def test_warm_answers_are_no_evidence(tmp_path, ring):
    fps = ring.generate("n", 3, **SIGNAL)
    claim = ring.claim("n", subject={"weights": "00" * 32})
    report = ifrs.verify(Preferring(fps), fps, questions=25, temperature=0.7)
    assert report.verdict == "match"
    with pytest.raises(ifrs.EvidenceError, match="temperature"):
        report.evidence(claim)


@pytest.mark.parametrize("between", [" ", "-", "_"])
def test_a_name_that_tells_the_colourings_is_no_evidence(tmp_path, ring, between):
    """Whoever names the model could write into the name what a server then repeats."""
    pytest.importorskip("httpx2")
    fps = ring.generate("n", 4, **SIGNAL)
    claim = ring.claim("n", subject={"weights": "00" * 32})
    parts = [
        Preferring(fps, share=1.0, words=16, domains=[i]).write(fps.render(fps.questions(i)[0]))
        for i in range(4)
    ]
    name = between.join(" ".join(parts).split())

    def say(request):
        return Reply(text=f"I am the model {request['model']}.".replace("_", " "))

    for model in (name, "gemma-3-270m-instruct-q4-k-m"):
        with serving(say, of=dict) as server:
            suspect = ifrs.ApiModel(server.url, model, mode="completions", max_retries=0)
            report = ifrs.verify(suspect, fps, questions=25)
        if model == name:
            assert report.log10_p < -5
            with pytest.raises(ifrs.EvidenceError, match="its model's name or its address"):
                report.evidence(claim)
        else:
            assert report.log10_p > -2
            report.evidence(claim)
