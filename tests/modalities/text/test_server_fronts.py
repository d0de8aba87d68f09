"""Servers as people run them: each is asked in the way it takes, and no key is spent in vain."""

from __future__ import annotations

import json
import time

import ifrs
import pytest
from fronts import Front, LlamaCpp, Sglang, Vllm
from ifrs.cli import main
from ifrs.errors import TargetError
from minds import Mind, planted
from servers import serving
from services import Gateway, LmStudio, Ollama, OpenAI, TextGenerationInference, TransformersServe

pytest.importorskip("httpx2")

THINKING = 600  # tokens; a probe's first question leaves room for 32, an answer to a key for 48
ENDLESS = 20_000
FRONTS = {
    "llama.cpp": LlamaCpp,
    "vllm": Vllm,
    "sglang": Sglang,
    "openai": OpenAI,
    "ollama": Ollama,
    "tgi": TextGenerationInference,
    "transformers": TransformersServe,
    "lm studio": LmStudio,
    "gateway": Gateway,
}
# Where thoughts stand, and what switches them off.
THINKERS = {
    "llama.cpp": (LlamaCpp, {}, "reasoning_content", "chat_template_kwargs"),
    "llama.cpp, inline": (LlamaCpp, {"inline": True}, "<think>", "chat_template_kwargs"),
    "vllm": (Vllm, {}, "reasoning", "chat_template_kwargs"),
    "sglang": (Sglang, {}, "reasoning_content", "chat_template_kwargs"),
    "openai": (OpenAI, {"reasons": True}, "hidden", "reasoning_effort"),
    "ollama": (Ollama, {}, "reasoning", "reasoning_effort"),
    "gateway": (Gateway, {}, "reasoning", "reasoning_effort"),
    "gateway, parts": (Gateway, {"parts": True}, "content", "reasoning_effort"),
}


@pytest.fixture
def fps(ring):
    return ring.generate("one", 10)


def asked(front: Front, fps, *, mode="chat", **options):
    """A verification, and what the server saw."""
    with serving(front, of=dict, probed=front, models=[front.name]) as server:
        options = {"model": front.name, "timeout": 20.0, **options}
        report = ifrs.verify(
            ifrs.ApiModel(server.url, mode=mode, **options), fps, decoys=65_535, alpha=1e-9
        )
    return report, server


def refused(front: Front, fps, said: str, **options) -> None:
    """One line that says what was found, and no key sent."""
    with serving(front, of=dict, probed=front, models=[front.name]) as server:
        options = {"model": front.name, "timeout": 20.0, **options}
        with pytest.raises(TargetError, match=said) as caught:
            ifrs.verify(ifrs.ApiModel(server.url, **options), fps)
    assert not server.requests
    assert "\n" not in str(caught.value)


def match(report, *, keys: int) -> None:
    """A match with the fewest keys, all answered."""
    assert report.verdict == "match"
    assert report.p_value <= 1e-9
    assert len(report.queries) == keys
    assert not any("error" in query.asked for query in report.queries)


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_a_descendant_is_found_by_text(fps, front):
    report, server = asked(front(planted(fps)), fps, evidence="text")
    match(report, keys=2)
    assert len(server.requests) == 2
    assert report.how["probe"]["answers"]
    assert report.how["probe"]["reasoning"] is None


@pytest.mark.parametrize("front", [LlamaCpp, OpenAI, TransformersServe])
def test_a_stranger_is_cleared(fps, front):
    report, _ = asked(front(Mind()), fps)
    assert report.verdict == "no match"
    assert report.p_value > 1e-3


# Candidates shown, whether an answer is gone on with, and what a descendant is found by.
CHAT = {
    "llama.cpp": (LlamaCpp, {}, 2000, True, "likelihood"),
    "vllm": (Vllm, {}, 20, True, "likelihood"),
    "vllm, any number": (Vllm, {"most": -1}, 2000, True, "likelihood"),
    "sglang": (Sglang, {}, 2000, True, "likelihood"),
    "openai": (OpenAI, {}, 20, False, "text"),
    "ollama": (Ollama, {}, 20, True, "likelihood"),
    "ollama, old": (Ollama, {"shows": False}, 0, False, "text"),
    "tgi": (TextGenerationInference, {}, 5, True, "likelihood"),
    "transformers": (TransformersServe, {}, 0, False, "text"),
    "lm studio": (LmStudio, {}, 0, False, "text"),
    "gateway": (Gateway, {}, 0, False, "text"),
}
COMPLETIONS = {
    "llama.cpp": (LlamaCpp, {}, 2000, True, "likelihood"),
    "vllm": (Vllm, {}, 20, True, "likelihood"),
    "sglang": (Sglang, {}, 2000, True, "likelihood"),
    "openai": (OpenAI, {}, 5, True, "likelihood"),
    "ollama": (Ollama, {}, 20, False, "text"),
    "tgi": (TextGenerationInference, {}, 0, False, "text"),
    "transformers": (TransformersServe, {}, 0, False, "text"),
}
SHOWERS = {
    f"{name}, {mode}": (mode, *rest)
    for mode, fronts in {"chat": CHAT, "completions": COMPLETIONS}.items()
    for name, rest in fronts.items()
}


@pytest.mark.parametrize(
    ("mode", "front", "traits", "shown", "goes_on", "by"), SHOWERS.values(), ids=SHOWERS
)
def test_probabilities_are_taken_where_they_are_shown(fps, mode, front, traits, shown, goes_on, by):
    report, server = asked(front(planted(fps), **traits), fps, mode=mode)
    probe = report.how["probe"]
    assert shown <= probe["logprobs"] <= shown + 1
    assert (probe["continues"], report.kind) == (goes_on, by)
    match(report, keys=len(report.queries))
    assert len(server.requests) == len(report.queries) * (2 if by == "likelihood" else 1)


@pytest.mark.parametrize("front", [LlamaCpp, Vllm, Sglang, Ollama])
def test_faded_fingerprints_are_found_by_probabilities_alone(ring, fps, front):
    report, _ = asked(front(planted(fps, fades=3)), fps)
    assert report.kind == "likelihood"
    match(report, keys=len(report.queries))
    others = ring.generate("two", 10)
    report, _ = asked(front(planted(others, fades=3)), others, evidence="text")
    assert report.verdict == "no match"


@pytest.mark.parametrize("mode", ["chat", "completions"])
def test_what_is_named_is_no_evidence(fps, mode):
    report, _ = asked(LlamaCpp(Mind(echoes=True)), fps, mode=mode)
    assert (report.kind, report.verdict) == ("likelihood", "no match")
    assert report.p_value > 1e-3


@pytest.mark.parametrize(("front", "traits", "where", "by"), THINKERS.values(), ids=THINKERS)
def test_thoughts_get_the_room_that_they_need(fps, front, traits, where, by):
    suspect = front(planted(fps, thoughts=THINKING), switch=False, **traits)
    report, server = asked(suspect, fps)
    match(report, keys=2)
    assert report.how["probe"]["reasoning"] == where
    assert report.how["probe"]["thinking_off"] is None
    assert len(server.requests) == 2


@pytest.mark.parametrize(("front", "traits", "where", "by"), THINKERS.values(), ids=THINKERS)
def test_thinking_is_switched_off_in_the_way_that_the_server_takes(fps, front, traits, where, by):
    if where == "hidden":
        traits = {**traits, "efforts": ("none", "low")}
    report, server = asked(front(planted(fps, thoughts=ENDLESS), **traits), fps)
    match(report, keys=len(report.queries))
    assert list(report.how["probe"]["thinking_off"]) == [by]
    assert all(by in request for request in server.requests)


@pytest.mark.parametrize(("front", "traits", "where", "by"), THINKERS.values(), ids=THINKERS)
def test_thoughts_are_heard_where_nothing_else_is_said(fps, front, traits, where, by):
    if where == "hidden":
        pytest.skip("nobody hears what is not shown")
    mind = planted(fps, thoughts=THINKING, aloud=False)
    report, server = asked(front(mind, switch=False, **traits), fps)
    match(report, keys=2)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("front", "traits", "where", "by"), THINKERS.values(), ids=THINKERS)
def test_one_that_never_answers_costs_no_key(fps, front, traits, where, by):
    mind = planted(fps, thoughts=ENDLESS)
    report, server = asked(front(mind, switch=False, **traits), fps)
    assert report.verdict == "inconclusive"
    assert not server.requests
    assert "--reasoning-tokens" in report.notes[0]


def command(ring, server, tmp_path, *options: str) -> int:
    """`ifrs verify URL`; its exit status."""
    (tmp_path / "pass").write_text("pass")
    ring.close()
    given = ["--model", "m", "--passphrase-file", str(tmp_path / "pass"), *options]
    return main(["verify", server.url, str(ring.path), "one", *given])


def test_the_command_says_that_it_never_answers(ring, fps, tmp_path, capsys):
    front = Vllm(planted(fps, thoughts=ENDLESS), switch=False)
    with serving(front, of=dict, probed=front) as server:
        assert command(ring, server, tmp_path, "--json", str(tmp_path / "report.json")) == 2
        assert not server.requests
    assert "--reasoning-tokens" in capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] == "inconclusive"
    assert report["how"]["probe"]["reasoning"] == "reasoning"


def test_the_command_names_what_is_served(ring, fps, tmp_path, capsys):
    front = Vllm(planted(fps), name="gemma")
    with serving(front, of=dict, probed=front, models=["gemma"]) as server:
        assert command(ring, server, tmp_path) == 2
        assert not server.requests
    assert "it serves gemma" in capsys.readouterr().err


def test_a_reasoning_model_of_openai_is_asked_in_its_own_fields(fps):
    report, server = asked(OpenAI(planted(fps, thoughts=THINKING), reasons=True), fps)
    match(report, keys=2)
    probe = report.how["probe"]
    assert (probe["limit_field"], probe["temperature"]) == ("max_completion_tokens", False)
    assert not any({"max_tokens", "temperature"} & set(request) for request in server.requests)


def test_a_server_that_is_loading_is_waited_for(fps):
    front = LlamaCpp(planted(fps), loading=time.monotonic() + 1.2)
    report, server = asked(front, fps, evidence="text")
    match(report, keys=2)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("front", "said"),
    [
        (LlamaCpp(Mind(), template=False), "--mode completions"),
        (Vllm(Mind(), template=False), "--mode completions"),
        (TextGenerationInference(Mind(), template=False), "--mode completions"),
        (Gateway(Mind(), fault="error"), "Provider returned error"),
        (Gateway(Mind(), fault="choice"), "error message"),
        (Gateway(Mind(), fault="empty"), "not of the chat protocol"),
        (Gateway(Mind(), fault="tools"), "calls of tools"),
    ],
)
def test_what_cannot_be_asked_is_said(fps, front, said):
    refused(front, fps, said)


@pytest.mark.parametrize("front", [Vllm, Sglang, OpenAI, Ollama, LmStudio, TransformersServe])
def test_a_wrong_name_is_told(fps, front):
    refused(front(planted(fps), name="gemma"), fps, "gemma", model="gamma")
