"""Which key goes where, and that none of it, and no answer, lands in a log."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import threading

import ifrs
import pytest
from ifrs.cli import main
from ifrs.errors import TargetError
from ifrs.modalities.text.wire import quiet_wire
from servers import Reply, serving

httpx2 = pytest.importorskip("httpx2")

AMBIENT = {
    "OPENAI_API_KEY": "sk-openai",
    "OPENAI_ADMIN_KEY": "sk-admin",
    "OPENAI_ORG_ID": "org-mine",
    "OPENAI_PROJECT_ID": "proj-mine",
    "OPENAI_WEBHOOK_SECRET": "whsec-mine",
    "OPENAI_CUSTOM_HEADERS": "X-Gateway: sk-gateway\nAuthorization: Bearer sk-custom",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("IFRS_API_KEY", raising=False)


@pytest.fixture
def sent(monkeypatch):
    """What leaves for hosts that no test may reach: addresses and headers."""
    found = []

    async def send(self, request, **_):
        found.append((request.url.host, dict(request.headers)))
        body = b'{"choices": [{"message": {"content": "x"}, "text": "x"}]}'
        return httpx2.Response(200, stream=_Stream(body), request=request)

    monkeypatch.setattr(httpx2.AsyncClient, "send", send)
    return found


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, body):
        self.body = body

    async def __aiter__(self):
        yield self.body


def ask(url, **options):
    return ifrs.ApiModel(url, "m", max_retries=0, **options).answers(["hello"], max_new_tokens=4)


def test_nothing_of_openai_goes_to_a_suspect():
    with serving(lambda p: "fine") as server:
        suspect = ifrs.ApiModel(server.url, "m", max_retries=0)
        suspect.reach()
        suspect.answers(["hello"], max_new_tokens=4)
    headers = {name.lower(): value for name, value in server.headers[0].items()}
    assert set(headers) <= {
        "host", "accept", "accept-encoding", "connection", "user-agent", "content-type",
        "content-length",
    }  # fmt: skip
    assert not any(part in str(server.headers) for part in ("sk-", "org-", "proj-", "whsec-"))


@pytest.mark.parametrize("host", ["api.openai.com", "eu.api.openai.com"])
def test_openai_gets_its_own(sent, host):
    ask(f"https://{host}/v1")
    ((where, headers),) = sent
    assert (where, headers["authorization"]) == (host, "Bearer sk-openai")
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-mine", "proj-mine")


@pytest.mark.parametrize(
    "url",
    [
        "https://openai.com/v1",
        "https://api.openai.com.example.org/v1",
        "https://myapi.openai.com.example/v1",
        "https://evil-api.openai.com/v1",
        "https://api.openai.com@example.org/v1",
        "https://example.org/api.openai.com/v1",
    ],
)
def test_hosts_that_look_like_openai_get_nothing(sent, url):
    ask(url)
    ((_, headers),) = sent
    assert "openai-organization" not in headers
    assert not any("sk-" in value for value in headers.values())


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org\\@api.openai.com/v1",
        "https://a@example.org@api.openai.com/v1",
        "https://api.openai.com /v1",
        "https://api.openai.com\x00.example.org/v1",
    ],
)
def test_addresses_that_two_readers_read_differently_are_refused(url):
    with pytest.raises(ValueError, match="address"):
        ifrs.ApiModel(url, "m")


def test_the_own_variable_and_the_argument(monkeypatch, sent):
    monkeypatch.setenv("IFRS_API_KEY", "sk-ifrs\n")
    ask("https://example.org/v1")
    ask("https://example.org/v1", api_key="sk-given")
    ask("https://example.org/v1", api_key="")
    ask("https://user:sesame@example.org/v1", api_key="")
    found = [headers.get("authorization") for _, headers in sent]
    assert found[:3] == ["Bearer sk-ifrs", "Bearer sk-given", None]


def test_a_password_in_the_address_is_sent_as_one():
    with serving(lambda p: "fine") as server:
        ask(server.url.replace("http://", "http://user:sesame@"))
    basic = base64.b64encode(b"user:sesame").decode()
    lower = {name.lower(): value for name, value in server.headers[0].items()}
    assert lower["authorization"] == f"Basic {basic}"


@pytest.mark.parametrize("host", ["example.org", "10.0.0.7:8000", "[2001:db8::1]", "127.0.0.1.x"])
def test_no_key_crosses_a_network_in_clear(monkeypatch, host, sent):
    plain = f"http://{host}/v1"
    ask(plain)
    assert "authorization" not in sent[0][1]
    for url, options in (
        (plain, {"api_key": "sk-given"}),
        (f"http://user:sesame@{host}/v1", {}),
        ("http://api.openai.com/v1", {}),
    ):
        with pytest.raises(ValueError, match="https") as caught:
            ifrs.ApiModel(url, "m", **options)
        assert not any(part in str(caught.value) for part in ("sk-", "sesame"))
    monkeypatch.setenv("IFRS_API_KEY", "sk-ifrs")
    with pytest.raises(ValueError, match="IFRS_API_KEY"):
        ifrs.ApiModel(plain, "m")
    for mine in ("127.0.0.1", "127.8.8.8:80", "[::1]:8000", "localhost", "LOCALHOST"):
        ifrs.ApiModel(f"http://{mine}/v1", "m", api_key="sk-given")
    assert len(sent) == 1


def test_keys_that_no_header_can_carry():
    for key in ("sk-\nX-More: 1", "sk-\u2028x", "sk-schlüssel"):
        with pytest.raises(ValueError, match="no header") as caught:
            ifrs.ApiModel("https://example.org/v1", "m", api_key=key)
        assert key not in str(caught.value)


def test_this_machine_is_asked_without_a_proxy(monkeypatch):
    with serving(lambda p: "from a proxy") as proxy, serving(lambda p: "direct") as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert ask(server.url, api_key="sk-given") == ["direct"]
        assert ask(server.url.replace("127.0.0.1", "localhost"), api_key="sk-given") == ["direct"]
        assert not proxy.requests


def test_a_netrc_file_is_no_credential(tmp_path, monkeypatch):
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login user password sesame\n")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(file))
    with serving(lambda p: "fine") as server:
        ask(server.url)
    assert "authorization" not in {name.lower() for name in server.headers[0]}


def test_cookies_are_not_kept():
    with serving(lambda p: Reply("fine", headers={"Set-Cookie": "who=you; Path=/"})) as server:
        suspect = ifrs.ApiModel(server.url, "m", max_concurrency=1)
        suspect.answers(["one", "two"], max_new_tokens=4)
    assert "cookie" not in {name.lower() for headers in server.headers for name in headers}


def test_a_charset_unpacks_nothing():
    """A codec can be a decompressor: 10 KB of bz2 are 1 GB."""
    import bz2

    body = bz2.compress(b"a" * 1_000_000)
    headers = {"Content-Type": "text/plain; charset=bz2_codec"}
    with serving(lambda p: Reply(status=400, headers=headers, body=body)) as server:
        answer = ifrs.ApiModel(server.url, "m", max_retries=0).ask(["x"], max_new_tokens=4)[0]
    assert answer.error == "the server answered with status 400"
    assert answer.asked["raw"] == body.decode("utf-8", "replace")


def test_the_command_line_names_a_variable(tmp_path, ring, monkeypatch, capfd):
    ring.generate("one", 10)
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    monkeypatch.setenv("THEIR_KEY", "sk-theirs")
    with serving(lambda p: "…") as server:
        base = ["verify", server.url, str(ring.path), "one", "--model", "m", "--api-key-env"]
        assert main([*base, "THEIR_KEY"]) == 1
        assert server.headers[0]["authorization"] == "Bearer sk-theirs"
        asked = len(server.requests)
        for wrong in ("sk-given-by-mistake", "NOT_SET"):
            capfd.readouterr()
            assert main([*base, wrong]) == 2
            assert wrong not in (err := capfd.readouterr().err)
            assert "--api-key-env" in err
        assert main(["verify", str(tmp_path), *base[2:4], "--api-key-env", "THEIR_KEY"]) == 2
        assert len(server.requests) == asked


def secretive(fps):
    """A server whose headers and answers hold what no log may."""
    known = {fps[i].prompt: fps[i] for i in range(len(fps))}
    return lambda p: Reply(known[p].response, headers={"X-Seen": known[p].response})


@pytest.mark.parametrize("own_level", [False, True])
def test_logs_hold_nothing_of_a_request_or_an_answer(ring, caplog, own_level):
    caplog.set_level(logging.DEBUG)
    if own_level:
        for name in ("http11", "connection"):
            for package in ("httpcore", "httpcore2"):
                caplog.set_level(logging.DEBUG, f"{package}.{name}")
    fps = ring.generate("one", 10)
    with serving(secretive(fps)) as server:
        ifrs.verify(ifrs.ApiModel(server.url, "m", api_key="sk-given"), fps)
        ifrs.ApiModel(server.url, "m").ask([fps[9].prompt], max_new_tokens=4)
    log = "\n".join(f"{r.getMessage()} {r.args} {r.exc_text}" for r in caplog.records)
    shown = [text for i in range(10) for text in (fps[i].key, fps[i].response)]
    assert not [text for text in ("sk-given", "X-Seen", *shown) if text in log]


def test_what_others_log_meanwhile_is_left_alone(caplog):
    caplog.set_level(logging.DEBUG)
    before = logging.getLogRecordFactory()
    asking, logged = threading.Event(), threading.Event()

    def elsewhere():
        asking.wait(10)
        logging.getLogger("httpcore2.http11").debug("of another client")
        logged.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with quiet_wire(), quiet_wire():
        asking.set()
        assert logged.wait(10)
        logging.getLogger("httpcore2.made.later").debug("ours")
        logging.getLogger("httpcore2.made.later").warning("serious")
    thread.join()
    logging.getLogger("httpcore2.http11").debug("afterwards")
    found = [record.getMessage() for record in caplog.records]
    assert found == ["of another client", "serious", "afterwards"]
    assert logging.getLogRecordFactory() is before


def test_two_at_once_and_a_factory_of_ones_own(ring, caplog):
    caplog.set_level(logging.DEBUG)
    before = logging.getLogRecordFactory()
    fps = ring.generate("one", 8)
    started = threading.Event()

    def answer(prompt):
        started.set()
        return Reply(secretive(fps)(prompt).text, delay=0.05, headers={"X-Seen": "withheld-please"})

    def run(places):
        suspect = ifrs.ApiModel(server.url, "m", max_concurrency=2)
        suspect.answers([fps[i].prompt for i in places], max_new_tokens=4)

    with serving(answer) as server:
        parts = range(2), range(2, 8)
        threads = [threading.Thread(target=run, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "withheld-please" not in caplog.text
    assert logging.getLogRecordFactory() is before


def test_answers_are_handed_over_with_the_callers_logs(caplog):
    caplog.set_level(logging.DEBUG)
    with serving(lambda p: "fine") as server:
        ifrs.ApiModel(server.url, "m").ask(
            ["x"],
            max_new_tokens=4,
            on_answer=lambda *_: logging.getLogger("my.program").info("one more"),
        )
    assert "one more" in caplog.text


@pytest.mark.parametrize("status", [200, 400])
def test_json_that_would_fill_the_memory_is_not_read(monkeypatch, status):
    body = b"[" + b"[]," * 3_000_000 + b"[]]"
    longest = []
    read = json.loads

    def loads(text, *arguments, **options):
        longest.append(len(text))
        return read(text, *arguments, **options)

    with serving(lambda p: Reply(status=status, body=body)) as server:
        suspect = ifrs.ApiModel(server.url, "m", max_retries=0)
        monkeypatch.setattr(json, "loads", loads)
        answer = suspect.ask(["x"], max_new_tokens=4)[0]
        monkeypatch.undo()
    assert answer.error is not None
    assert max(longest, default=0) < 2_000_000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://user:word@127.0.0.1:9\n"),
        ("ALL_PROXY", "socks5://user:word@127.0.0.1:9"),
        ("https_proxy", "socks://user:word@127.0.0.1:9"),
        ("SSL_CERT_FILE", "/nonexistent/word\n"),
    ],
)
def test_what_the_environment_makes_impossible_is_named(monkeypatch, variable, value):
    import importlib.util

    if "socks5" in value and importlib.util.find_spec("socksio"):
        pytest.skip("SOCKS proxies can be used here")
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv(variable, value)
    away = ifrs.ApiModel("https://server.invalid/v1", "m", max_retries=0, timeout=5)
    with pytest.raises(TargetError, match=variable) as caught:
        away.reach()
    assert "word" not in str(caught.value)
    with serving(lambda _: "x") as server:
        here = ifrs.ApiModel(server.url, "m", api_key="key\n", max_retries=0)
        assert here.answers(["hello"], max_new_tokens=4) == ["x"]
        assert server.headers[-1]["authorization"] == "Bearer key"
