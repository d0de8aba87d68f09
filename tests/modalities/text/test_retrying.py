"""Which requests go again, when, and what comes of those that never fare well."""

from __future__ import annotations

import asyncio
import email.utils
import time

import ifrs
import pytest
from servers import Reply, serving

pytest.importorskip("httpx2")
pytest.importorskip("tenacity")

from ifrs.modalities.text.retrying import Received, retrying


@pytest.fixture
def waited(monkeypatch):
    """Seconds that were waited, which take no time here."""
    found = []

    async def sleep(seconds):
        found.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return found


def run(max_retries, *outcomes):
    """What comes of these attempts, and how many there were."""
    left = list(outcomes)

    async def attempt():
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    found = asyncio.run(retrying(max_retries, (ConnectionError,))(attempt))
    return found, len(outcomes) - len(left)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(waited, status):
    assert run(5, Received(status), Received(200)) == (Received(200), 2)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 413, 422])
def test_an_answer_and_a_refusal_are_final(waited, status):
    assert run(5, Received(status), Received(200)) == (Received(status), 1)
    assert not waited


def test_the_wait_grows_and_has_a_limit(waited):
    found, attempts = run(12, *[Received(500)] * 14)
    assert (found, attempts) == (Received(500), 13)
    for seconds, least in zip(waited, [0.5, 1, 2, 4, *[8] * 8], strict=True):
        assert least <= seconds <= min(least + 0.25, 8)


def test_errors_that_pass_are_tried_again_and_others_are_raised(waited):
    assert run(2, ConnectionError(), ConnectionError(), Received(200)) == (Received(200), 3)
    with pytest.raises(ConnectionError, match="the third"):
        run(2, ConnectionError(), ConnectionError(), ConnectionError("the third"))
    with pytest.raises(ZeroDivisionError):
        run(2, ZeroDivisionError(), Received(200))
    with pytest.raises(ConnectionError):
        run(0, ConnectionError(), Received(200))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}, None),  # too long: final
        ({"retry-after": "121"}, None),
        ({"retry-after": "1e300"}, None),
    ],
)
def test_the_server_says_how_long(waited, headers, seconds):
    refused = Received(429, b"", headers)
    found, attempts = run(3, refused, Received(200))
    if seconds is None:
        assert (found, attempts, waited) == (refused, 1, [])
    else:
        assert (found, attempts, waited) == (Received(200), 2, [seconds])


def test_a_date_is_waited_for(waited):
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert run(1, Received(503, b"", {"retry-after": date}), Received(200))[1] == 2
    assert 28 < waited[0] <= 30


@pytest.mark.parametrize(
    "said", ["-1", "0", "nan", "inf", "soon", "", "Fri, 01 Jan 1999 00:00:00 GMT", "Fri, 99 Foo"]
)
def test_what_makes_no_sense_is_not_heeded(waited, said):
    assert run(1, Received(503, b"", {"retry-after": said}), Received(200))[1] == 2
    assert 0.5 <= waited[0] <= 0.75


def test_a_server_may_say_whether(waited):
    never, again = {"x-should-retry": "false"}, {"x-should-retry": "true"}
    assert run(3, Received(500, b"", never), Received(200))[1] == 1
    assert run(3, Received(400, b"", again), Received(200))[1] == 2
    assert run(3, Received(200, b"", again), Received(200))[1] == 1


def test_a_connection_that_breaks_is_tried_again():
    broken = iter([True, False])
    with serving(lambda p: Reply("fine", hang_up=next(broken))) as server:
        suspect = ifrs.ApiModel(server.url, "m", max_retries=1)
        assert suspect.answers(["x"], max_new_tokens=4) == ["fine"]
    with serving(lambda p: Reply(hang_up=True)) as server:
        answer = ifrs.ApiModel(server.url, "m", max_retries=0).ask(["x"], max_new_tokens=4)[0]
    assert answer.error == "the connection failed"
