"""Words ranked by the tokens that a server shows with their probabilities."""

from __future__ import annotations

import json

import ifrs
import pytest
from ifrs.errors import TargetError
from servers import prompt_of, serving
from showers import Shower

pytest.importorskip("httpx2")


def asked(server, mode, **options):
    return ifrs.ApiModel(server.url, "m", mode=mode, max_retries=0, **options)


def checked(report, ring, tmp_path):
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    return ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")


@pytest.mark.parametrize("mode", ["chat", "completions"])
@pytest.mark.parametrize("most", [2000, 20, 5])
def test_words_at_the_top_match(ring, tmp_path, mode, most):
    fps = ring.generate("one", 10)
    front = Shower(fps, mode, most=most)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(asked(server, mode), fps)
    assert (report.kind, report.verdict) == ("likelihood", "match")
    assert report.log10_p <= -12
    assert len(report.queries) == 2
    assert report.fsr == 1
    assert report.how["words"] == 2
    assert report.how["probe"]["logprobs"] == most
    assert len(server.requests) == 4
    result = checked(report, ring, tmp_path)
    assert (result.ok, result.verdict, result.log10_p) == (True, "match", report.log10_p)


def test_a_response_that_no_longer_surfaces_matches(ring, tmp_path):
    """Each word is the fourth of 2,000: text shows none of them."""
    fps = ring.generate("one", 10)
    front = Shower(fps, "completions", rank=3)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(asked(server, "completions"), fps)
    assert (report.verdict, report.fsr) == ("match", 0)
    assert {rank for query in report.queries for rank in query.rank} <= {3, 4}
    assert checked(report, ring, tmp_path).verdict == "match"


@pytest.mark.parametrize("mode", ["chat", "completions"])
def test_a_stranger_does_not_match(ring, mode):
    fps, other = ring.generate("one", 10), ring.generate("two", 10)
    front = Shower(other, mode)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(asked(server, mode), fps)
    assert (report.kind, report.verdict) == ("likelihood", "no match")


@pytest.mark.parametrize("mode", ["chat", "completions"])
def test_a_server_that_calls_what_is_named_likely_does_not_match(ring, mode):
    fps, other = ring.generate("one", 10), ring.generate("two", 10)
    front = Shower(other, mode, echo=True)
    with serving(front, of=dict, probed=Shower(other, mode)) as server:
        report = ifrs.verify(asked(server, mode), fps)
    assert (report.kind, report.verdict) == ("likelihood", "no match")


def test_half_of_the_words_among_twenty_suffice(ring):
    fps = ring.generate("one", 10)
    front, other = Shower(fps, "completions", most=20), ring.generate("two", 10)
    silent = Shower(other, "completions", most=20)
    quiet = {fps[i].prompt for i in (0, 2, 4, 6, 8)}

    def answer(request):
        known = any(request["prompt"].startswith(prompt) for prompt in quiet)
        return (silent if known else front)(request)

    with serving(answer, of=dict, probed=front) as server:
        report = ifrs.verify(asked(server, "completions"), fps)
    assert (report.kind, report.verdict) == ("likelihood", "match")


def test_flags_say_where_an_answer_is_gone_on_with(ring, tmp_path):
    fps = ring.generate("one", 10)
    front = Shower(fps, "chat", flags=True)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(asked(server, "chat"), fps)
    assert report.verdict == "match"
    assert report.how["probe"]["continues"]
    assert checked(report, ring, tmp_path).verdict == "match"


def test_a_server_that_does_not_go_on_is_asked_in_text_or_for_one_word(ring, tmp_path):
    fps = ring.generate("one", 10)
    front = Shower(fps, "chat")
    front.split = lambda request: (prompt_of(request), None)
    with serving(front, of=dict, probed=front) as server:
        assert ifrs.verify(asked(server, "chat"), fps, max_queries=1).kind == "text"
        report = ifrs.verify(asked(server, "chat", evidence="likelihood"), fps)
    assert (report.kind, report.verdict, report.how["words"]) == ("likelihood", "match", 1)
    assert all(query.candidates == [2048] for query in report.queries)
    assert checked(report, ring, tmp_path).verdict == "match"


def test_the_first_token_of_thoughts_is_no_answer(ring, tmp_path):
    fps, other = ring.generate("one", 10), ring.generate("two", 10)
    front = Shower(other, "chat")
    spoken = front.reply
    front.reply = lambda text, entries: spoken(f"<think>{text}", entries)
    with serving(front, of=dict, probed=Shower(other, "chat")) as server:
        report = ifrs.verify(asked(server, "chat"), fps)
    assert (report.kind, report.verdict) == ("likelihood", "inconclusive")
    assert any("they are no silence" in note for note in report.notes)
    assert not any("--reasoning-tokens" in note for note in report.notes)
    result = checked(report, ring, tmp_path)
    assert (result.ok, result.verdict) == (True, "inconclusive")


def test_a_wish_ignored_in_silence_is_noticed(ring):
    fps = ring.generate("one", 10)
    front = Shower(fps, "completions", silent=True)
    with serving(front, of=dict, probed=front) as server:
        with pytest.raises(TargetError, match="--evidence text"):
            ifrs.verify(asked(server, "completions", evidence="likelihood"), fps)
        assert not server.requests
        report = ifrs.verify(asked(server, "completions"), fps, max_queries=1)
    assert report.kind == "text"
    assert report.how["probe"]["logprobs"] == 0


def test_a_likelihood_run_is_gone_on_with(ring, tmp_path):
    fps = ring.generate("one", 10)
    front = Shower(fps, "completions", rank=3)
    with serving(front, of=dict, probed=front) as server:
        limited = asked(server, "completions", max_requests=3 + 4)
        first = ifrs.verify(limited, fps, resume=tmp_path / "r.json")
        assert (first.verdict, len(first.queries)) == ("inconclusive", 2)
        report = ifrs.verify(asked(server, "completions"), fps, resume=tmp_path / "r.json")
        assert report.verdict == "match"
        assert len(server.requests) == 2 * len(report.queries)
        again = asked(server, "completions", evidence="text")
        (tmp_path / "r.json").write_text(json.dumps(first.to_json()))
        with pytest.raises(ifrs.EvidenceError, match="likelihood"):
            ifrs.verify(again, fps, resume=tmp_path / "r.json")
