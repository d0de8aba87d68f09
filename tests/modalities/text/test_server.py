"""Suspects behind a server: order, spending, limits, interruption, and what is kept."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import pickle
import signal
import subprocess
import sys
import threading
import time

import ifrs
import pytest
from ifrs.cli import main
from ifrs.errors import EvidenceError, FingerprintError, KeyringError, TargetError
from ifrs.modalities.suspect import Answer
from ifrs.prove import Report
from ifrs.prove.asking import Asked
from ifrs.prove.inquiry import Inquiry, Plan
from ifrs.prove.ledger import Ledger
from ifrs.prove.report import Settings
from ifrs.prove.ways import Texts
from servers import Reply, serving

pytest.importorskip("httpx2")


def planted(fps):
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}
    return lambda prompt: " " + secret[prompt]


def asked(report, alpha=1e-6):
    """The keys of a match, of which the last one was needed and none after it was asked.

    Their number varies: one response in some thousands is among its own decoys, which is a tie.
    """
    assert report.verdict == "match"
    process = [query.cumulative_log10_e for query in report.queries]
    assert max(process[:-1]) < -math.log10(alpha) <= process[-1]
    return [query.index for query in report.queries]


def target(server, **options):
    return ifrs.ApiModel(server.url, "m", **{"max_retries": 2, "timeout": 60.0, **options})


def test_no_more_keys_than_the_evidence_needs(ring):
    fps = ring.generate("one", 10)
    with serving(planted(fps)) as server:
        report = ifrs.verify(target(server), fps, alpha=1e-9)
        assert report.p_value <= 1e-9
        first = asked(report, 1e-9)
        assert first in ([0, 1, 2], [0, 1, 2, 3])
        assert sorted(server.prompts) == sorted(fps[i].prompt for i in first)
        assert all(query.spent for query in report.queries)
        fewer = ifrs.verify(target(server), fps, alpha=1e-9, decoys=65_535)
        assert fewer.p_value <= 1e-9
        second = asked(fewer, 1e-9)
        assert len(second) in (2, 3)
        assert first + second == list(range(len(first) + len(second)))
    assert ring.spent("one") == first + second


@pytest.mark.parametrize("silent", [{0}, {1}, {2}, {1, 2}, {0, 3, 4}])
def test_asking_together_costs_no_key_that_asking_singly_would_save(ring, silent):
    """The evidence passes the threshold with the last key asked under, never before it."""
    fps = ring.generate("one", 20)
    right, quiet = planted(fps), {fps[i].prompt for i in silent}
    with serving(lambda p: "no" if p in quiet else right(p)) as server:
        report = ifrs.verify(target(server), fps, alpha=1e-9)
    keys = asked(report, 1e-9)
    assert keys == list(range(len(keys)))
    assert report.log10_p == -report.queries[-1].cumulative_log10_e
    assert len(server.requests) == len(keys)


def test_a_stranger_costs_no_more_keys_than_could_matter(ring):
    fps = ring.generate("one", 10)
    # An answer without a letter is as far from every response: words would be near one by chance.
    with serving(lambda p: "…") as server:
        report = ifrs.verify(target(server), fps)
        assert report.verdict == "no match"
        assert report.p_value == 1
        assert report.power >= 0.8
        assert len(server.prompts) == len(report.queries) < 10
        every = ifrs.verify(target(server), ring.generate("two", 10), sequential=False)
        assert len(every.queries) == 10
        assert every.verdict == "no match"


def test_keys_are_journalled_before_they_leave(tmp_path, ring):
    fps = ring.generate("one", 10)
    indices = {fps[i].prompt: i for i in range(10)}
    unjournalled = []

    def before(prompt):
        with ifrs.Keyring.open(ring.path, passphrase="pass") as other:
            if indices[prompt] not in other.spent("one"):
                unjournalled.append(prompt)

    with serving(planted(fps), before=before) as server:
        report = ifrs.verify(target(server), fps)
        assert len(server.prompts) == len(asked(report))
    assert not unjournalled
    entry = next(entry for entry in ring.journal() if entry["event"] == "queried")
    assert entry["indices"] == [0, 1]
    assert entry["to"] == [server.url]


def test_a_key_never_leaves_unrecorded(tmp_path, ring):
    fps = ring.generate("one", 10)
    with serving(planted(fps)) as server:
        with pytest.raises(TypeError, match="ring"):
            ifrs.verify(target(server), fps, ring="keyring.ifrs")
        ring.close()
        with pytest.raises(KeyringError, match="ring=False"):
            ifrs.verify(target(server), fps)
        assert not server.requests
        report = ifrs.verify(target(server), fps, ring=False)
        assert report.verdict == "match"
        with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
            assert again.spent("one") == []
            report = ifrs.verify(target(server), fps, ring=again)
            assert again.spent("one") == asked(report)


def test_spent_keys_are_skipped_everywhere(ring):
    fps = ring.generate("one", 10)

    class Here:
        def answers(self, prompts, *, max_new_tokens, temperature=0.0):
            return ["no"] * len(prompts)

        def describe(self):
            return {"kind": "test", "name": "here"}

    ring.spend("one", [0, 1, 5])
    with serving(planted(fps)) as server:
        report = ifrs.verify(target(server), fps)
        new = asked(report)
        assert new[:2] == [2, 3]
        assert 5 not in new
    here = ifrs.verify(Here(), fps, sequential=False)
    left = [index for index in range(10) if index not in (0, 1, 5, *new)]
    assert [query.index for query in here.queries] == left
    assert ring.spent("one") == sorted([0, 1, 5, *new])
    ring.spend("one", range(10))
    with pytest.raises(FingerprintError, match="all 10 keys"):
        ifrs.verify(Here(), fps)


def test_a_server_that_is_not_there_costs_no_key(ring):
    fps = ring.generate("one", 10)
    with serving(lambda p: "") as server:
        pass
    with pytest.raises(TargetError, match="no server answers at http://127"):
        ifrs.verify(target(server), fps)
    with (
        serving(lambda p: Reply(status=401)) as server,
        pytest.raises(TargetError, match="API key"),
    ):
        target(server).answers(["x"], max_new_tokens=4)
    assert ring.spent("one") == []


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_hopeless_statuses_end_it_at_once(ring, status):
    fps = ring.generate("one", 10)
    body = json.dumps({"error": {"message": fps[0].prompt}}).encode()
    with serving(lambda p: Reply(status=status, body=body)) as server:
        with pytest.raises(TargetError, match=str(status)) as caught:
            ifrs.verify(target(server, max_retries=0), fps)
        assert len(server.requests) <= 2
    assert fps[0].key not in str(caught.value)


def test_what_came_before_a_failure_is_not_lost(ring):
    fps = ring.generate("one", 10)
    with serving(lambda p: "no" if p == fps[0].prompt else Reply(status=401)) as server:
        report = ifrs.verify(target(server, max_concurrency=1), fps)
    assert [query.index for query in report.queries] == [0]
    assert report.verdict == "inconclusive"
    assert not report.how["complete"]
    assert report.how["pending"] == [1]
    assert "API key" in report.notes[0]


def test_rate_limits_are_respected(ring):
    fps = ring.generate("one", 10)
    right, refused = planted(fps), []

    def answer(prompt):
        if not refused:
            refused.append(time.monotonic())
            return Reply(status=429, headers={"Retry-After": "1"})
        return right(prompt)

    with serving(answer) as server:
        report = ifrs.verify(target(server, max_concurrency=1), fps)
    assert report.verdict == "match"
    assert not any(query.failed for query in report.queries)
    assert all(at >= refused[0] + 0.95 for at in server.times[1:])
    assert len(server.requests) == len(report.queries) + 1


def test_one_rate_limit_holds_back_all(ring):
    """While one request waits, the others do not knock on the door either."""
    refused = []

    def answer(prompt):
        if prompt == "first" and not refused:
            refused.append(time.monotonic())
            return Reply(status=429, headers={"Retry-After": "1"})
        return Reply("x", delay=0.1)

    with serving(answer) as server:
        found = target(server, max_concurrency=2).answers(
            ["first", *map(str, range(6))], max_new_tokens=4
        )
    assert found == ["x"] * 7
    waited = [at for at in server.times if refused[0] + 0.15 < at < refused[0] + 0.9]
    assert not waited


def test_server_errors_are_retried(ring):
    failures = iter([500, 503, 502])

    def answer(prompt):
        status = next(failures, 200)
        return Reply("fine", status=status)

    with serving(answer) as server:
        assert target(server, max_retries=3).answers(["x"], max_new_tokens=4) == ["fine"]
        assert len(server.requests) == 4


def test_the_spending_limit(ring):
    fps = ring.generate("one", 10)
    with serving(lambda p: "no") as server:
        suspect = target(server, max_requests=5, max_concurrency=2)
        report = ifrs.verify(suspect, fps, sequential=False)
        assert len(server.requests) == len(report.queries) == 5 - len(server.probes) == 3
        assert suspect.spent == {"requests": 5, "tokens": 125}
        assert "spending limit" in report.notes[0]
        assert report.verdict == "inconclusive"
        assert len(ring.spent("one")) == 3
        with pytest.raises(TargetError, match="spending limit"):
            suspect.answers(["x"], max_new_tokens=4)
        tokens = target(server, max_tokens=400)
        again = ifrs.verify(tokens, ring.generate("two", 10), sequential=False)
        assert 0 < len(again.queries) < 10
        assert tokens.spent["tokens"] <= 400


def test_retries_count_against_the_limit():
    with serving(lambda p: Reply(status=500)) as server:
        suspect = target(server, max_requests=2, max_retries=5)
        with pytest.raises(TargetError, match="spending limit pays for no further attempt"):
            suspect.answers(["x"], max_new_tokens=4)
        assert len(server.requests) == 2
        answer = target(server, max_requests=2, max_retries=5).ask(["x", "y"], max_new_tokens=4)[0]
        assert answer is not None
        assert answer.error is not None, "it was sent, so it is a failure, not nothing"


def test_a_thousand_queries_at_concurrency_32_lose_none(tmp_path, ring):
    fps = ring.generate("one", 1000)
    right = planted(fps)
    with serving(lambda p: Reply(right(p), delay=0.05)) as server:
        suspect = target(server, max_concurrency=32, timeout=60.0)
        report = ifrs.verify(
            suspect, fps, sequential=False, decoys=99, resume=tmp_path / "report.json"
        )
    assert sorted(server.prompts) == sorted(fps[i].prompt for i in range(1000))
    assert [query.index for query in report.queries] == list(range(1000))
    assert report.fsr == 1
    assert not any(query.failed for query in report.queries)
    assert 16 < server.busiest <= 32
    saved = json.loads((tmp_path / "report.json").read_text())
    assert len(saved["queries"]) == 1000
    assert all(q["asked"]["raw"] and q["asked"]["request"] for q in saved["queries"])


SCRIPT = """
import sys, ifrs
ring = ifrs.Keyring.open(sys.argv[1], passphrase="pass")
suspect = ifrs.ApiModel(sys.argv[2], "m", max_concurrency=4, max_retries=0)
print("asking", flush=True)
report = ifrs.verify(suspect, ring["one"], sequential=False, decoys=99, resume=sys.argv[3])
print(report.verdict, len(report.queries), report.fsr)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_verification_goes_on(tmp_path, ring, how):
    fps = ring.generate("one", 60)
    right = planted(fps)
    file = tmp_path / "report.json"
    enough = threading.Event()

    def before(_):
        if len(server.requests) >= 25:
            enough.set()

    def run():
        command = [sys.executable, "-c", SCRIPT, ring.path, server.url, file]
        return subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    with serving(lambda p: Reply(right(p), delay=0.02), before=before) as server:
        first = run()
        assert enough.wait(60)
        first.send_signal(how)
        first.wait(60)
        first.communicate()
        asked = set(server.prompts)
        saved = json.loads(file.read_text())
        assert 10 < len(saved["queries"]) < 60
        assert not saved["how"]["complete"]
        second = run()
        _, err = second.communicate(timeout=120)
        assert second.returncode == 0, err
    assert len(server.prompts) == len(set(server.prompts)), "a key was asked twice"
    assert asked < set(server.prompts)
    report = Report.load(file)
    assert report.verdict == "match"
    assert report.how["complete"]
    # What was in flight when the process died is lost, counts as silent, and is never repeated.
    lost = [query for query in report.queries if query.failed]
    assert len(lost) <= 16
    assert {query.asked["error"] for query in lost} <= {"interrupted before an answer was recorded"}
    kept = {query["index"]: query["answer"] for query in saved["queries"]}
    assert {query.index: query.answer for query in report.queries if query.index in kept} == kept


def test_an_answer_that_comes_while_the_report_is_written_is_not_lost(ring, monkeypatch):
    fps = ring.generate("one", 4)
    server = ifrs.ApiModel("http://127.0.0.1:9/v1", "m")
    settings = Settings(1e-6, 99, 0.0, False, 16, None)
    ledger, plan = Ledger(fps, False, address=None), Plan([0, 1, 2, 3], {}, 4)
    inquiry = Inquiry(Texts(Asked(server, fps), fps, settings), ledger, plan)
    inquiry._pending = [0, 1]
    before = Inquiry._queries

    def answered_meanwhile(self):
        found = before(self)
        self._answers[0] = Answer("late", {"request": {}, "raw": "late"})
        return found

    monkeypatch.setattr(Inquiry, "_queries", answered_meanwhile)
    report = inquiry.report()
    assert {query.index for query in report.queries} | set(report.how["pending"]) == {0, 1}


def test_a_finished_report_is_not_asked_again(tmp_path, ring):
    fps = ring.generate("one", 10)
    file = tmp_path / "report.json"
    with serving(planted(fps)) as server:
        one = ifrs.verify(target(server), fps, resume=file)
        two = ifrs.verify(target(server), fps, resume=file)
        assert len(server.requests) == len(one.queries)
        assert two.p_value == one.p_value
        with pytest.raises(EvidenceError, match="alpha=1e-06"):
            ifrs.verify(target(server), fps, alpha=1e-12, resume=file)
        with pytest.raises(EvidenceError, match="another suspect"):
            ifrs.verify(ifrs.ApiModel(server.url, "other"), fps, resume=file)
        with pytest.raises(EvidenceError, match="other keys"):
            ifrs.verify(target(server), ring.generate("two", 10), resume=file)
        (tmp_path / "notes.json").write_text("{}")
        with pytest.raises(EvidenceError, match="no report"):
            ifrs.verify(target(server), fps, resume=tmp_path / "notes.json")
        assert len(server.requests) == len(one.queries)


def test_a_report_that_cannot_be_written_ends_the_asking(tmp_path, ring):
    fps = ring.generate("one", 10)
    with serving(planted(fps)) as server:
        with pytest.raises(OSError, match="No such"):
            ifrs.verify(target(server), fps, resume=tmp_path / "none" / "report.json")
        assert not server.requests


def test_requests_are_as_asked(ring, tokenizer):
    fps = ring.generate("one", 3)
    with serving(planted(fps)) as server:
        chat = ifrs.verify(target(server), fps, max_queries=2, max_new_tokens=7, temperature=0.5)
        text = ifrs.verify(
            target(server, mode="completions", logprobs=5, options={"seed": 3, "max_tokens": None}),
            fps,
        )
    message = [{"role": "user", "content": fps[0].prompt}]
    assert {
        "model": "m",
        "messages": message,
        "max_tokens": 7,
        "temperature": 0.5,
    } in server.requests
    assert not any(name.lower().startswith("x-ifrs") for h in server.headers for name in h)
    wanted = {"model": "m", "prompt": fps[2].prompt, "temperature": 0.0, "logprobs": 5, "seed": 3}
    assert server.requests[-1] == wanted
    assert text.queries[0].asked["request"] == wanted
    assert text.queries[0].asked["endpoint"] == server.url + "/completions"
    assert json.loads(chat.queries[0].asked["raw"])["usage"]["total_tokens"] == 25


def test_a_chat_template_is_left_to_the_server(ring, tokenizer):
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m['content'] }}</s>{% endfor %}"
    fps = ring.generate("one", 2, tokenizer=tokenizer, template="chat")
    tokenizer.chat_template = None
    with serving(lambda p: "no") as server:
        ifrs.verify(target(server), fps, max_queries=1)
        ifrs.verify(target(server, mode="completions"), fps, max_queries=1)
    assert server.prompts == [fps[0].key, fps[1].prompt]


def test_the_api_key_shows_nowhere(tmp_path, ring, monkeypatch, caplog):
    monkeypatch.setenv("IFRS_API_KEY", "sk-environment")
    caplog.set_level(logging.DEBUG)
    fps = ring.generate("one", 10)
    with serving(planted(fps)) as server:
        address = server.url.replace("http://", "http://user:sesame@") + "?token=sesame"
        suspect = target(server, api_key="sk-given")
        report = ifrs.verify(suspect, fps, resume=tmp_path / "r.json")
        target(server).answers([fps[5].prompt], max_new_tokens=4)
        assert {h["authorization"] for h in server.headers} == {
            "Bearer sk-given",
            "Bearer sk-environment",
        }
        hidden = ifrs.ApiModel(address, "m")
        assert hidden.answers([fps[6].prompt], max_new_tokens=4)
        assert server.paths[-1] == "/v1/chat/completions?token=sesame"
    shown = [
        repr(suspect),
        repr(hidden),
        json.dumps(hidden.describe()),
        hidden.endpoint,
        (tmp_path / "r.json").read_text(),
        json.dumps(ring.journal()),
    ]
    assert not any("sk-" in text or "sesame" in text for text in shown)
    log = "\n".join(f"{r.getMessage()} {r.args}" for r in caplog.records)
    assert "sk-" not in log
    assert not any(fps[i].key in log or fps[i].response in log for i in range(10))
    assert not any(fps[i].key in repr(report) for i in range(10))
    with pytest.raises(TypeError, match="API key"):
        pickle.dumps(suspect)


def test_within_a_running_loop(ring):
    async def inside():
        return target(server).answers(["x"], max_new_tokens=4)

    with serving(lambda p: "fine") as server:
        assert asyncio.run(inside()) == ["fine"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("localhost:8000", "m"), {}),
        (("ftp://host/v1", "m"), {}),
        (("http://", "m"), {}),
        (("http://host/v1", ""), {}),
        (("http://host/v1", "m"), {"mode": "telepathy"}),
        (("http://host/v1", "m"), {"max_concurrency": 0}),
        (("http://host/v1", "m"), {"timeout": 0}),
        (("http://host/v1", "m"), {"timeout": float("nan")}),
        (("http://host/v1", "m"), {"max_retries": -1}),
        (("http://host/v1", "m"), {"max_requests": -1}),
    ],
)
def test_bad_arguments(arguments, options):
    with pytest.raises(ValueError, match=next(iter(options), "must be")):
        ifrs.ApiModel(*arguments, **options)


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(TargetError, match=r"pip install 'ifrs\[api\]'"):
        ifrs.ApiModel("http://host/v1", "m")


def test_no_torch_is_needed():
    script = (
        "import sys; sys.modules['torch'] = None; import ifrs; ifrs.ApiModel('http://h/v1', 'm')"
    )
    done = subprocess.run([sys.executable, "-c", script + "; ifrs.verify"], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_command_line(tmp_path, ring, capsys):
    fps = ring.generate("one", 10)
    (tmp_path / "pass").write_text("pass\n")

    ring.generate("two", 10)

    def verify(server, *options, name="one"):
        where = [server.url, ring.path, name, "--passphrase-file", tmp_path / "pass"]
        code = main(["verify", *map(str, [*where, *options])])
        return code, capsys.readouterr()

    file = tmp_path / "report.json"
    with serving(planted(fps)) as server:
        options = ["--model", "m", "--alpha", "1e-9", "--json", file, "--html", tmp_path / "r.html"]
        code, shown = verify(server, *options)
        assert code == 0, shown.err
        assert "match" in shown.out
        keys = asked(Report.load(file), 1e-9)
        assert len(server.requests) == len(keys) in (2, 3)
        assert verify(server, *options)[0] == 0
        assert len(server.requests) == len(keys), "a finished report is not asked again"
        code, shown = verify(server)
        assert code == 2
        assert "--model" in shown.err
    with ifrs.Keyring.open(ring.path, passphrase="pass") as after:
        assert after.spent("one") == keys
    with serving(lambda p: "no") as server:
        code, shown = verify(server, "--model", "m", "--mode", "completions", name="two")
        assert code == 1, shown.err
    code, shown = verify(server, "--model", "m")
    assert code == 2
    assert "no server answers" in shown.err
