"""Servers that transcribe, by a stand-in on this machine."""

from __future__ import annotations

import base64
import contextlib
import json
import pickle
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import ifrs
import pytest
from helpers import fixed_keyring

pytest.importorskip("httpx2")


class Heard(list):
    """What a server was sent: the fields of each form, its file among them, and the headers."""

    url = ""


@contextlib.contextmanager
def hearing(answer):
    """Serve until the block ends; `answer` gives a status and a body for each form."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.reply(200, {"object": "list", "data": []})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = message_from_bytes(head + body).get_payload()
            name = "content-disposition"
            form = {p.get_param("name", header=name): p.get_payload(decode=True) for p in parts}
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.append((self.path, form, headers))
            self.reply(*answer(form))

        def reply(self, status, body):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def ring(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 6, source="sound", rate=8_000, seconds=0.5)
        yield ring


def knowing(fps):
    said = {f.challenge: f.response for f in fps}
    return lambda form: (200, {"text": f" {said.get(form['file'], 'Thank you')}."})


def suspect(heard, **options):
    return ifrs.SpeechModel.from_api(heard.url, "whisper-1", max_retries=0, **options)


def test_a_server_is_sent_whole_files_and_convicted_by_what_it_heard(ring, tmp_path):
    fps, claim = ring["one"], ring.claim("one", subject={"model.safetensors": "ab" * 32})
    with hearing(knowing(fps)) as heard:
        target = suspect(heard, api_key="sesame", language="en", max_concurrency=1)
        report = ifrs.verify(target, fps, claim=claim.digest)
    assert (report.kind, report.verdict) == ("text", "match")
    path, form, headers = heard[0]
    assert path == "/v1/audio/transcriptions"
    assert form == {
        "file": fps[0].challenge,
        "model": b"whisper-1",
        "language": b"en",
        "response_format": b"json",
        "temperature": b"0.0",
    }
    assert headers["authorization"] == "Bearer sesame"
    assert "x-ifrs-cost" not in headers
    assert target.spent == {"requests": len(heard)}
    bundle, claimed = tmp_path / "bundle.json", tmp_path / "claim.json"
    report.evidence(claim).save(bundle)
    claim.save(claimed)
    checked = ifrs.check(bundle, claimed)
    assert (checked.ok, checked.verdict) == (True, "match"), checked.problems


def test_keys_are_spent_before_they_leave(ring):
    fps, spent = ring["one"], []

    def answer(form):
        index = next(i for i in range(len(fps)) if fps[i].challenge == form["file"])
        with ifrs.Keyring.open(ring.path, passphrase="pass") as other:
            spent.append(index in other.spent("one"))
        return 200, {"text": "Thank you."}

    with hearing(answer) as heard:
        report = ifrs.verify(suspect(heard, max_concurrency=1), fps)
        assert ring.journal()[-1]["to"] == [heard.url]
    assert spent
    assert all(spent)
    assert report.verdict != "match"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {"error": "no"}, "wants an API key"),
        (404, {"error": "no"}, "no such path or model"),
        (500, {"error": "no"}, "failed 3 times in a row .*status 500"),
        (200, b"not JSON", "not JSON"),
        (200, {"segments": []}, "not of the transcriptions protocol"),
        (200, {"error": {"message": "overloaded"}}, "error message"),
    ],
)
def test_failures_are_one_line_and_hold_no_key(ring, status, body, says):
    failed = pytest.raises(ifrs.TargetError, match=says)
    with hearing(lambda form: (status, body)) as heard, failed as caught:
        ifrs.verify(suspect(heard, max_concurrency=1), ring["one"])
    said = str(caught.value)
    assert "\n" not in said
    secrets = [base64.b64encode(f.challenge).decode()[:40] for f in ring["one"]]
    assert not any(secret in said for secret in secrets)


def test_no_server_is_said_before_a_key_is_spent(ring):
    with hearing(knowing(ring["one"])) as heard:
        pass
    with pytest.raises(ifrs.TargetError, match="no server answers"):
        ifrs.verify(suspect(heard), ring["one"])
    assert ring.spent("one") == []


def test_a_limit_ends_asking(ring):
    with hearing(knowing(ring["one"])) as heard:
        report = ifrs.verify(suspect(heard, max_requests=1), ring["one"])
    assert len(heard) == len(report.queries) == 1
    assert any("spending limit" in note for note in report.notes)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"language": "english"}, "two letters"),
        ({"language": "EN"}, "two letters"),
        ({"max_concurrency": 0}, "max_concurrency must be at least 1"),
        ({"max_retries": -1}, "max_retries must be at least 0"),
        ({"timeout": 0}, "timeout must be positive"),
        ({"model": ""}, "name at the server"),
        ({"base_url": "localhost"}, "address like"),
        ({"base_url": "http://example.org/v1", "api_key": "x"}, "https"),
    ],
)
def test_options_that_make_no_sense(options, says):
    named = {"base_url": "http://localhost:1/v1", "model": "whisper-1", **options}
    with pytest.raises(ValueError, match=says):
        ifrs.SpeechModel.from_api(**named)


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx2", None)
    with pytest.raises(ifrs.TargetError, match="pip install"):
        ifrs.SpeechModel.from_api("http://localhost:1/v1", "whisper-1")


def test_an_api_key_is_not_shown_or_pickled():
    target = ifrs.SpeechModel.from_api("http://localhost:1/v1", "whisper-1", api_key="sesame")
    assert "sesame" not in repr(target)
    assert "sesame" not in str(target.describe())
    with pytest.raises(TypeError, match="API key"):
        pickle.dumps(target)
