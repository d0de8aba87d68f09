"""What servers want differs; ordinary questions find it out before any key is spent."""

from __future__ import annotations

import json

import ifrs
import pytest
from ifrs.cli import main
from ifrs.errors import TargetError
from servers import Reply, prompt_of, protocol, serving

pytest.importorskip("httpx2")


def planted(fps):
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}
    return lambda prompt: " " + secret[prompt]


def target(server, **options):
    return ifrs.ApiModel(server.url, "m", **{"max_retries": 1, "timeout": 20.0, **options})


def refusing(status: int, message: str, **more) -> Reply:
    error = {"message": message, "type": "invalid_request_error", **more}
    return Reply(status=status, body=json.dumps({"error": error}).encode())


def thinking(content, thoughts, *, finish="stop", field="reasoning_content") -> Reply:
    message = {"role": "assistant", "content": content, field: thoughts}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return Reply(body=json.dumps({"id": "x", "choices": [choice]}).encode())


def strict(answer, *, limit="max_completion_tokens", temperature=False):
    """A front that takes one field for the limit, and perhaps no temperature."""

    def reply(request):
        other = {"max_tokens", "max_completion_tokens"} - {limit}
        if other & set(request):
            return refusing(400, f"Unsupported parameter: use '{limit}' instead.")
        if not temperature and request.get("temperature", 1) != 1:
            return refusing(400, "Unsupported value: 'temperature' does not support 0.")
        return answer(prompt_of(request))

    return reply


def test_fields_are_worded_as_the_server_takes_them(ring):
    fps = ring.generate("one", 10)
    front = strict(planted(fps))
    with serving(front, of=dict, probed=strict(lambda _: "Paris")) as server:
        report = ifrs.verify(target(server), fps, decoys=65_535)
    assert report.verdict == "match"
    assert len(server.requests) == len(report.queries) == 2
    assert all("max_completion_tokens" in request for request in server.requests)
    probe = report.how["probe"]
    assert (probe["limit_field"], probe["temperature"]) == ("max_completion_tokens", False)
    assert report.how["temperature"] is None
    assert "drawn at random" in report.notes[0]
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    with pytest.raises(ifrs.EvidenceError, match="temperature 0"):
        report.evidence(claim)


def test_no_temperature_is_left_out_where_it_is_taken(ring):
    fps = ring.generate("one", 10)
    front = strict(planted(fps), temperature=True)
    with serving(front, of=dict, probed=strict(lambda _: "x", temperature=True)) as server:
        report = ifrs.verify(target(server), fps)
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    assert report.how["temperature"] == 0
    assert report.evidence(claim) is not None


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusing(404, "The model `m` does not exist."), "check base_url and model"),
        (refusing(401, "no key"), "IFRS_API_KEY"),
        (refusing(500, "this model does not have a chat template"), "--mode completions"),
        (refusing(400, "you must provide a chat template"), "--mode completions"),
        (refusing(400, "model is on strike"), "model is on strike"),
        (Reply(body=b'{"error": {"message": "no upstream"}}'), "error message.*no upstream"),
        (Reply(body=b"<html>"), "not JSON"),
        (Reply(body=b'{"choices": []}'), "not of the chat protocol"),
        (Reply(hang_up=True), "connection failed"),
    ],
)
def test_what_cannot_be_asked_costs_no_key(ring, monkeypatch, reply, said):
    monkeypatch.setattr("ifrs.modalities.text.sending._PATIENCE", 1)
    fps = ring.generate("one", 10)
    with serving(planted(fps), probed=lambda _: reply) as server:
        with pytest.raises(TargetError, match=said) as caught:
            ifrs.verify(target(server), fps)
        assert not server.requests
    assert "\n" not in str(caught.value)
    assert ring.spent("one") == []


def test_calls_of_tools_are_named(ring):
    fps = ring.generate("one", 10)
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()
    with (
        serving(planted(fps), probed=lambda _: Reply(body=body)) as server,
        pytest.raises(TargetError, match="calls of tools"),
    ):
        ifrs.verify(target(server), fps)
    assert ring.spent("one") == []


def test_a_server_that_is_loading_is_waited_for(ring):
    fps = ring.generate("one", 10)
    loading = iter([503, 503, 503])

    def probed(_):
        status = next(loading, 200)
        return Reply("Paris", status=status)

    with serving(planted(fps), probed=probed) as server:
        report = ifrs.verify(target(server, max_retries=0), fps)
    assert report.verdict == "match"
    assert len(server.requests) == len(report.queries)


def thinker(fps, *, needs: int, switch: str | None = None, aloud: bool = True):
    """A suspect that thinks for some tokens before it answers, unless it is told not to."""
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}

    def answer(request):
        known = secret.get(prompt_of(request), "Paris")
        if switch is not None and switch in request:
            return known
        if needs > request["max_tokens"]:
            return thinking(None, "hm " * 9, finish="length")
        return thinking(known, "hm") if aloud else thinking(None, f"hm, {known}")

    return answer


def test_thoughts_get_the_room_that_they_need(ring):
    fps = ring.generate("one", 10)
    front = thinker(fps, needs=600)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(target(server), fps, decoys=65_535)
    assert report.verdict == "match"
    assert report.p_value <= 1e-9
    assert len(server.requests) == len(report.queries) == 2
    assert report.how["probe"]["reasoning"] == "reasoning_content"
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    report.evidence(claim)


@pytest.mark.parametrize("switch", ["chat_template_kwargs", "reasoning_effort", "think"])
def test_thinking_is_switched_off_where_that_can_be_done(ring, tmp_path, switch):
    fps = ring.generate("one", 10)
    front = thinker(fps, needs=10**6, switch=switch)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(target(server), fps, decoys=65_535)
    assert report.verdict == "match"
    assert switch in report.how["probe"]["thinking_off"]
    assert all(switch in request for request in server.requests)
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    assert ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json").ok


def test_one_that_never_answers_is_inconclusive_and_costs_nothing(ring, tmp_path, capsys):
    fps = ring.generate("one", 10)
    front = thinker(fps, needs=10**6)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(target(server), fps)
        assert report.verdict == "inconclusive"
        assert "--reasoning-tokens" in report.notes[0]
        with pytest.raises(TargetError, match="no key was sent"):
            target(server).probe(fps)
        (tmp_path / "pass").write_text("pass")
        options = ["--model", "m", "--passphrase-file", str(tmp_path / "pass")]
        ring.close()
        assert main(["verify", server.url, str(ring.path), "one", *options]) == 2
        assert not server.requests
    assert "reasoning-tokens" in capsys.readouterr().out


def test_keys_that_take_more_thought_than_a_probe_cost_one(ring):
    fps = ring.generate("one", 10)
    front = thinker(fps, needs=10**6)
    with serving(front, of=dict, probed=lambda _: thinking("Paris", "hm")) as server:
        report = ifrs.verify(target(server), fps)
    assert report.verdict == "inconclusive"
    assert ring.spent("one") == [0]
    assert len(server.requests) == 2, "room is raised once, and the same key asked again"
    assert report.queries[0].cut_off
    assert any("no silence" in note for note in report.notes)


def test_a_raise_is_enough_for_a_longer_thought(ring, tmp_path):
    fps = ring.generate("one", 10)
    front = thinker(fps, needs=4000)
    with serving(front, of=dict, probed=lambda _: thinking("Paris", "hm")) as server:
        report = ifrs.verify(target(server), fps, decoys=65_535)
    assert report.verdict == "match"
    assert len(report.queries) == 2
    assert len(server.requests) == 3
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    assert ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json").verdict == "match"


def test_what_is_said_in_thoughts_alone_is_heard(ring, tmp_path):
    fps = ring.generate("one", 10)
    front = thinker(fps, needs=10, aloud=False)
    with serving(front, of=dict, probed=front) as server:
        report = ifrs.verify(target(server), fps, decoys=65_535)
    assert report.verdict == "match"
    assert len(report.queries) == 2
    claim = ring.claim("one", subject={"model.safetensors": "ab" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    assert ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json").verdict == "match"


def test_the_limit_pays_for_the_probe_too(ring):
    fps = ring.generate("one", 10)
    with serving(planted(fps)) as server:
        with pytest.raises(TargetError, match="--no-probe"):
            ifrs.verify(target(server, max_requests=1), fps)
        report = ifrs.verify(target(server, max_requests=2, probe=False), fps)
        assert len(report.queries) == 2
        assert "probe" not in report.how
        assert len(server.probes) == 1


def test_the_probe_holds_no_key_and_goes_once(ring):
    fps = ring.generate("one", 10)
    with serving(planted(fps)) as server:
        report = ifrs.verify(target(server, evidence="text"), fps)
        assert report.how["probe"]["requests"] == len(server.probes) == 1
        sent = json.dumps(server.probes)
    assert not any(fps[i].key in sent for i in range(10))
    assert protocol(server.probes[0], "x")
