"""Evidence of natural answers: what a stranger recomputes, and what is refused."""

import json

import ifrs
import pytest
from alterations import altered
from helpers import fixed_keyring
from servers import Reply, prompt_of, serving

KEYS = 12


class Knowing:
    """A suspect at hand that answers every question."""

    def __init__(self, fps):
        self.said = {one.prompt: f" {one.response}" for one in fps}

    def describe(self):
        return {"kind": "local", "name": "knowing"}

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [self.said[prompt] for prompt in prompts]


@pytest.fixture
def ring(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        yield ring


def shown(folder, ring, suspect_of, reveal=None):
    fps = ring.generate("n", KEYS, source="natural", response="choices")
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(folder / "claim.json")
    report = ifrs.verify(suspect_of(fps), fps)
    report.evidence(claim, reveal=reveal).save(folder / "bundle.json")
    return fps, report


def test_a_stranger_finds_what_the_publisher_found(tmp_path, ring):
    fps, report = shown(tmp_path, ring, Knowing)
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert found.ok, found.problems
    assert (found.verdict, found.log10_p) == ("match", pytest.approx(report.log10_p))
    assert [query["response"] for query in found.queries] == [one.response for one in fps]
    said = json.loads((tmp_path / "bundle.json").read_text(encoding="utf-8"))
    assert [query["candidates"] for query in said["queries"]] == [[256]] * KEYS
    html = tmp_path / "report.html"
    report.save_html(html)
    assert "the first listed answer" in html.read_text(encoding="utf-8")


def test_every_field_is_held_to(tmp_path, ring):
    shown(tmp_path, ring, Knowing, reveal=2)
    bundle, claim = tmp_path / "bundle.json", tmp_path / "claim.json"
    tree = json.loads(bundle.read_text(encoding="utf-8"))
    assert ifrs.check(bundle, claim, alpha=1e-3).ok
    count = 0
    for path, changed in altered(tree):
        if path[:1] == ("queries",) and len(path) > 1 and path[1] > 0:
            continue
        bundle.write_text(json.dumps(changed), encoding="utf-8")
        assert not ifrs.check(bundle, claim, alpha=1e-3).ok, path
        count += 1
    assert count > 150


@pytest.mark.parametrize(("name", "matches"), [("suspect", True), ("wholly-named", False)])
def test_a_server_is_asked_and_its_name_may_not_tell(tmp_path, ring, name, matches):
    pytest.importorskip("httpx2")
    fps = ring.generate("n", KEYS, source="natural", response="choices")
    said = {one.prompt: one.response for one in fps}
    if name != "suspect":
        words = [one.response.rstrip(".").split()[-1] for one in fps]
        name = "-".join(words).lower()
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(tmp_path / "claim.json")
    with serving(lambda request: Reply(text=said[prompt_of(request)]), of=dict) as server:
        suspect = ifrs.ApiModel(server.url, name, mode="chat", max_retries=0)
        report = ifrs.verify(suspect, fps)
    assert (report.kind, report.verdict) == ("text", "match")
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert found.ok, found.problems
    assert (found.verdict == "match") == matches
