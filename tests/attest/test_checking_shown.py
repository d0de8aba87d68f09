"""What a publisher may not bend in a bundle of words ranked by what a server shows."""

from __future__ import annotations

import json

import ifrs
import pytest
from servers import serving
from showers import Shower

pytest.importorskip("httpx2")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """An honest bundle of each protocol, as plain data, and its claim's file."""
    from helpers import fixed_keyring

    found = {}
    for mode in ("chat", "completions"):
        folder = tmp_path_factory.mktemp(mode)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IFRS_STATE_DIR", str(folder / "state"))
            ring = fixed_keyring(folder)
            fps = ring.generate("one", 6)
            front = Shower(fps, mode)
            with serving(front, of=dict, probed=front) as server:
                suspect = ifrs.ApiModel(server.url, "m", mode=mode, max_retries=0)
                report = ifrs.verify(suspect, fps)
            claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
            claim.save(folder / "claim.json")
            report.evidence(claim).save(folder / "bundle.json")
            ring.close()
        assert ifrs.check(folder / "bundle.json", folder / "claim.json").verdict == "match"
        found[mode] = json.loads((folder / "bundle.json").read_text()), folder / "claim.json"
    return found


def other_word(query, _):
    body = query["asked_after"]["request"]
    if "prompt" in body:
        body["prompt"] += " candle"
    else:
        body["messages"][1]["content"] = "candle"


def begun_at_once(query, _):
    query["asked"]["request"] = dict(query["asked_after"]["request"])


def other_parameters(query, _):
    query["asked_after"]["request"]["seed"] = 7


def other_model(query, _):
    query["asked_after"]["request"]["model"] = "n"


def other_place(query, _):
    query["asked_after"]["endpoint"] = query["asked"]["endpoint"].replace("v1", "v2")


def other_space(query, _):
    body = query["asked_after"]["request"]
    if "prompt" in body:
        body["prompt"] = body["prompt"].replace(" " + query["response"].split()[0], "  x")
    else:
        body["messages"][1]["content"] += " "


def system_message(query, _):
    body = query["asked_after"]["request"]
    body["messages" if "messages" in body else "suffix"] = [{"role": "system", "content": "x"}]


def second_left_out_of_one(query, place):
    if place == 0:
        del query["asked_after"]


def scores_beside(query, _):
    query["word_scores"] = ["AAAA", "AAAA"]


def raw_without_probabilities(query, _):
    raw = json.loads(query["asked"]["raw"])
    raw["choices"][0]["logprobs"] = None
    query["asked"]["raw"] = json.dumps(raw)


def other_answer(query, _):
    query["answer"] = query["response"] + " and more"


def better_rank(query, _):
    query["asked_after"]["raw"] = query["asked"]["raw"]


CHANGES = {
    other_word: "its second request is not its first",
    begun_at_once: "its request",
    other_parameters: "its second request is not its first",
    other_model: "its second request is not its first",
    other_place: "its second request is not its first",
    other_space: "its second request is not its first",
    system_message: "its second request is not its first",
    second_left_out_of_one: "not all asked in one way",
    scores_beside: "it holds word scores",
    raw_without_probabilities: "shows no probabilities",
    other_answer: "its answer is not what its raw answers hold",
    better_rank: "is not what",
}


@pytest.mark.parametrize("mode", ["chat", "completions"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_it_does_not_hold(honest, tmp_path, mode, change):
    bundle, claim = honest[mode]
    bent = json.loads(json.dumps(bundle))
    for place, query in enumerate(bent["queries"]):
        change(query, place)
    (tmp_path / "bent.json").write_text(json.dumps(bent))
    result = ifrs.check(tmp_path / "bent.json", claim)
    assert not result.ok
    assert any(CHANGES[change] in problem for problem in result.problems), result.problems


@pytest.mark.parametrize("mode", ["chat", "completions"])
def test_the_format_before_knows_no_such_evidence(honest, tmp_path, mode):
    bundle, claim = honest[mode]
    (tmp_path / "old.json").write_text(json.dumps({**bundle, "format": "ifrs/evidence/v3"}))
    result = ifrs.check(tmp_path / "old.json", claim)
    assert not result.ok
    assert result.verdict != "match"


def test_a_name_that_holds_a_word_gains_nothing(honest, tmp_path):
    bundle, claim = honest["completions"]
    bent = json.loads(json.dumps(bundle))
    name = "-".join(query["response"].split()[0] for query in bent["queries"])
    bent["target"]["name"] = name
    for query in bent["queries"]:
        query["asked"]["request"]["model"] = query["asked_after"]["request"]["model"] = name
    (tmp_path / "bent.json").write_text(json.dumps(bent))
    result = ifrs.check(tmp_path / "bent.json", claim)
    firsts = [query["ranks"][0] for query in result.queries]
    assert all(rank == of for rank, of in firsts)
