"""Servers that are shown images in chat, by a stand-in on this machine."""

from __future__ import annotations

import base64
import io
import pickle

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring
from servers import serving

pytest.importorskip("httpx2")
Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def ring(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 6, source="image+text", shape=(16, 12, 3))
        yield ring


def read(content):
    """Pixels and text of a message's two parts."""
    image, text = content
    assert (image["type"], text["type"]) == ("image_url", "text")
    head, _, data = image["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    return pixels.tobytes(), text["text"]


def knowing(fps):
    said = {(np.asarray(f.key[0]).tobytes(), f.key[1]): f.response for f in fps}

    def answer(content):
        return said.get(read(content), "A photo") if isinstance(content, list) else "Paris"

    return answer


def suspect(server, **options):
    return ifrs.VisionLanguageModel.from_api(server.url, "seer", max_retries=0, **options)


def test_a_server_is_shown_pictures_and_convicted_by_what_it_wrote(ring, tmp_path):
    fps, claim = ring["one"], ring.claim("one", subject={"model.safetensors": "ab" * 32})
    with serving(knowing(fps)) as server:
        target = suspect(server, api_key="sesame")
        report = ifrs.verify(target, fps, claim=claim.digest)
    assert (report.kind, report.verdict) == ("text", "match")
    assert server.paths[-1] == "/v1/chat/completions"
    headers = {name.lower(): value for name, value in server.headers[-1].items()}
    assert headers["authorization"] == "Bearer sesame"
    for request in server.requests:
        [message] = request["messages"]
        assert message["role"] == "user"
        assert (request["model"], request["temperature"]) == ("seer", 0)
    assert server.probes, "ordinary questions are asked in text"
    shown = [read(request["messages"][0]["content"]) for request in server.requests]
    keys = [(np.asarray(f.key[0]).tobytes(), f.key[1]) for f in fps]
    assert set(shown) <= set(keys)
    bundle, claimed = tmp_path / "bundle.json", tmp_path / "claim.json"
    report.evidence(claim).save(bundle)
    claim.save(claimed)
    checked = ifrs.check(bundle, claimed)
    assert (checked.ok, checked.verdict) == (True, "match"), checked.problems
    for shows in (report, checked):
        shows.save_html(tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert page.count("data:image/png") >= len(report.queries)
        assert all(fps[query.index].key[1] in page for query in report.queries)
        assert not any(query.prompt in page for query in report.queries)


def test_a_stranger_does_not_match(ring):
    with serving(lambda content: "A photo") as server:
        report = ifrs.verify(suspect(server, probe=False), ring["one"])
    assert (report.fsr, report.verdict == "match") == (0.0, False)


def test_keys_are_spent_before_they_leave(ring):
    fps, spent = ring["one"], []

    def answer(content):
        index = next(i for i in range(len(fps)) if fps[i].key[1] == read(content)[1])
        with ifrs.Keyring.open(ring.path, passphrase="pass") as other:
            spent.append(index in other.spent("one"))
        return "A photo"

    with serving(answer) as server:
        ifrs.verify(suspect(server, probe=False, max_concurrency=1), fps)
        assert ring.journal()[-1]["to"] == [server.url]
    assert spent
    assert all(spent)


def test_a_limit_ends_asking(ring):
    with serving(knowing(ring["one"])) as server:
        report = ifrs.verify(suspect(server, probe=False, max_requests=1), ring["one"])
    assert len(server.requests) == len(report.queries) == 1


@pytest.mark.parametrize("option", ["mode", "max_tokens"])
def test_options_of_texts_alone(option):
    with pytest.raises(TypeError, match=option):
        ifrs.VisionLanguageModel.from_api("http://localhost:1/v1", "seer", **{option: 1})


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ifrs.TargetError, match=r"ifrs\[vision\]"):
        ifrs.VisionLanguageModel.from_api("http://localhost:1/v1", "seer")


def test_an_api_key_is_not_shown_or_pickled():
    target = ifrs.VisionLanguageModel.from_api("http://localhost:1/v1", "seer", api_key="sesame")
    assert "sesame" not in repr(target)
    assert "sesame" not in str(target.describe())
    with pytest.raises(TypeError, match="API key"):
        pickle.dumps(target)
