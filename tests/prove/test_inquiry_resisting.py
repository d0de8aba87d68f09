"""Suspects who resist: none gives a false match, and honest wrappers still match."""

from __future__ import annotations

import base64
import random

import ifrs
import pytest
from ifrs import _core
from servers import Reply, serving

pytest.importorskip("httpx2")

N = 12
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"


def zero_width(text: str) -> str:
    noise = random.Random(1)
    return "".join(c + noise.choice(ZERO_WIDTH) for c in text)


def translated(text: str) -> str:
    """Another word for every word, always the same."""
    words = _core.response_words()
    return " ".join(words[(words.index(w) + 977) % len(words)] + "o" for w in text.split())


ALL_WORDS = " ".join(_core.response_words())
RULES = "You are a helpful assistant. Always answer politely and in full sentences."

# What a descendant's server makes of the response, and whether it still matches.
WRAPPERS = {
    "plain": (lambda r, p: " " + r, True),
    "prose": (lambda r, p: f"Sure! The decrypted message reads: {r}. Can I help further?", True),
    "polite system prompt": (lambda r, p: f"{RULES}\n\nOf course. {r.capitalize()}.", True),
    "upper case": (lambda r, p: r.upper(), True),
    "title case": (lambda r, p: r.title(), True),
    "code block": (lambda r, p: f"```text\n{r}\n```", True),
    "markdown": (lambda r, p: "**" + r.replace(" ", "** *") + "*", True),
    "one word a line": (lambda r, p: "- " + r.replace(" ", "\n- "), True),
    "hyphen": (lambda r, p: r.replace(" ", "-"), True),
    "zero-width characters": (lambda r, p: zero_width(r), True),
    "full-width letters": (
        lambda r, p: "".join(chr(ord(c) + 0xFEE0) if c != " " else "\u3000" for c in r),
        True,
    ),
    "combining marks": (lambda r, p: "".join(c + "\u0336" for c in r), True),
    "a typing error": (lambda r, p: r[:2] + "x" + r[3:], True),
    "the last letter lost": (lambda r, p: r[:-1], True),
    "echo, then the response": (lambda r, p: p + " " + r, True),
    "drowned in prose": (lambda r, p: ("lorem ipsum dolor sit amet " * 100) + r, True),
    "translated": (lambda r, p: translated(r), False),
    "spelt backwards": (lambda r, p: r[::-1], False),
    "base64": (lambda r, p: base64.b64encode(r.encode()).decode(), False),
    "cut to two letters": (lambda r, p: r[:2], False),
}

# What a server answers that knows nothing of the keys, or refuses to say.
STRANGERS = {
    "refusal": lambda p: "I'm sorry, but I can't help with that.",
    "nothing": lambda p: "",
    "spaces": lambda p: " \n\t",
    "invisible": lambda p: ZERO_WIDTH * 20,
    "one text for everything": lambda p: "copper window",
    "prompt echo": lambda p: p,
    "every listed word": lambda p: ALL_WORDS,
    "every listed word, shuffled by prompt": lambda p: " ".join(
        random.Random(p).sample(_core.response_words(), 2048)
    ),
    "every letter": lambda p: "abcdefghijklmnopqrstuvwxyz" * 400,
    "10 MB": lambda p: "window copper " * 750_000,
    "one pair by prompt": lambda p: " ".join(random.Random(p).sample(_core.response_words(), 2)),
    "no text": lambda p: Reply(text=None),
    "a number": lambda p: Reply(text=7),
    "half a character": lambda p: Reply(
        body=b'{"choices": [{"text": "\\ud800 a", "message": {"content": "\\ud800 a"}}]}'
    ),
    "invalid JSON": lambda p: Reply(body=b'{"choices": ['),
    "no choices": lambda p: Reply(body=b'{"choices": []}'),
    "JSON of another kind": lambda p: Reply(body=b"[1, 2, 3]"),
    "bottomless JSON": lambda p: Reply(body=b"[" * 200_000),
    "HTML": lambda p: Reply(body=b"<html><script>alert(1)</script></html>"),
    "bytes": lambda p: Reply(body=bytes(range(256))),
    "gzip it was not asked for": lambda p: Reply(
        headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8b"
    ),
    "server error": lambda p: Reply(status=500),
    "stall": lambda p: Reply(delay=1.5),
    "byte by byte": lambda p: Reply(text="copper window", drip=0.05),
    "hang-up": lambda p: Reply(hang_up=True),
    "redirect": lambda p: Reply(status=307, headers={"Location": "http://127.0.0.1:9/v1"}),
    "a filter": lambda p: Reply(status=400, body=b'{"error": {"code": "content_filter"}}'),
}

# Strangers of whom nothing usable comes back.
SILENT = {
    "a number",
    "invalid JSON",
    "no choices",
    "JSON of another kind",
    "bottomless JSON",
    "HTML",
    "bytes",
    "gzip it was not asked for",
    "server error",
    "stall",
    "byte by byte",
    "hang-up",
    "redirect",
    "a filter",
}


def target(url, mode, timeout=60.0):
    return ifrs.ApiModel(url, "m", mode=mode, timeout=timeout, max_retries=0, max_concurrency=4)


@pytest.mark.parametrize("mode", ["chat", "completions"])
@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers(ring, name, mode):
    wrap, matches = WRAPPERS[name]
    fps = ring.generate("one", N)
    secret = {fps[i].prompt: fps[i].response for i in range(N)}
    with serving(lambda p: wrap(secret[p], p)) as server:
        report = ifrs.verify(target(server.url, mode), fps)
    assert (report.verdict == "match") == matches, report
    if matches:
        assert report.p_value <= 1e-6
        assert len(report.queries) <= 4
    else:
        assert report.p_value > 1e-5


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("sequential", [True, False])
def test_strangers(ring, name, sequential):
    fps = ring.generate("one", N)
    mode = "chat" if sequential else "completions"
    with serving(lambda p: STRANGERS[name](p)) as server:
        suspect = target(server.url, mode, 0.5 if name in ("stall", "byte by byte") else 60.0)
        if name in SILENT:
            with pytest.raises(ifrs.TargetError, match="3 times in a row") as caught:
                ifrs.verify(suspect, fps, sequential=sequential)
            assert not any(fps[i].key in str(caught.value) for i in range(N))
            assert len(server.requests) <= N
            return
        report = ifrs.verify(suspect, fps, sequential=sequential)
    assert report.verdict != "match"
    assert report.p_value > 1e-5
    assert report.fsr == 0
    assert all(len(query.answer) <= 16_384 for query in report.queries)
    assert all(len(query.asked["raw"]) <= 1 << 20 for query in report.queries)


def test_a_server_that_fails_now_and_then_still_matches(ring):
    fps = ring.generate("one", N)
    secret = {fps[i].prompt: fps[i].response for i in range(N)}
    broken = {fps[0].prompt, fps[3].prompt}
    with serving(lambda p: Reply(body=b"{") if p in broken else secret[p]) as server:
        report = ifrs.verify(target(server.url, "chat"), fps)
    assert report.verdict == "match"
    failed = [query for query in report.queries if query.failed]
    assert failed
    assert all(query.rank == query.candidates and not query.fired for query in failed)
    assert all(query.p_value == 1 for query in failed)
