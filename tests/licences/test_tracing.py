"""Whose copy a suspect is: the true one, and nobody where it is nobody's."""

from __future__ import annotations

import math

import ifrs
import numpy as np
import pytest
from ifrs import _core
from ifrs.errors import FingerprintError, KeyringError, TargetError
from ifrs.licences.tracing import Licensees, trace
from licences.planted import Reader, readings_of
from servers import serving

N = 160
NAMES = [f"licensee {number}" for number in range(1000)]
PEOPLE = Licensees(NAMES, 2)


@pytest.fixture
def fps(ring):
    return ring.generate("lic", N, source="chinese", template="simple")


def copy_of(fps, *members, seed=0, silent=0.05):
    """What a copy reads whose weights are the mean of its members'."""
    share = fps.codewords(2, list(members)).mean(axis=0)
    quiet = np.random.default_rng(seed).random(len(fps)) < silent
    return [
        None if no else "both" if s == 0.5 else int(s > 0.5)
        for no, s in zip(quiet, share, strict=True)
    ]


def test_a_single_leaker_is_named_and_nobody_else(fps):
    found = trace(Reader(fps, copy_of(fps, NAMES[17])), fps, licensees=PEOPLE)
    assert [one.licensee for one in found.accused] == [NAMES[17]]
    assert found.evidence == "likelihood"
    assert found.looks == 1
    assert found.read == sum(one is not None for one in copy_of(fps, NAMES[17]))
    # Exactly: every position read matches, for a thousand licensees.
    wanted = 3 - found.read * math.log10(2)
    assert found.ranked[0].log10_p == pytest.approx(wanted, abs=1e-6)
    assert all(one.log10_p == pytest.approx(0, abs=3) for one in found.ranked[1:])


@pytest.mark.parametrize("size", [2, 3])
def test_of_an_averaged_copy_at_least_one_member_is_named(fps, size):
    rng, named = np.random.default_rng(size), 0
    for draw in range(20):
        members = [NAMES[i] for i in rng.choice(len(NAMES), size, replace=False)]
        readings = copy_of(fps, *members, seed=draw)
        found = trace(Reader(fps, readings), fps, licensees=PEOPLE)
        assert {one.licensee for one in found.accused} <= set(members)
        named += bool(found.accused)
    assert named >= 19


def test_nobody_is_accused_of_a_model_that_was_never_stamped(fps):
    found = trace(Reader(fps, [None] * N), fps, licensees=PEOPLE)
    assert not found.accused
    assert found.read <= N // 20
    noise = np.random.default_rng(5).integers(2, size=N).tolist()
    assert not trace(Reader(fps, noise), fps, licensees=PEOPLE).accused


def test_a_stranger_s_copy_accuses_nobody_here(fps):
    assert not trace(Reader(fps, readings_of(fps, "stranger")), fps, licensees=PEOPLE).accused


def test_hardly_any_innocent_comes_near_in_ten_thousand_traces(fps):
    """The p-value is uniform or larger: 10,000 innocents against readings of all kinds."""
    words = fps.codewords(5, [f"innocent {i}" for i in range(10_000)])
    readings = copy_of(fps, NAMES[1])
    read = [r if isinstance(r, int) else None for r in readings]
    biases = fps.biases(5)
    each = (words[i : i + 1] for i in range(len(words)))
    log10 = np.array([_core.accuse(read, biases, word, top=1)[0][2] for word in each])
    assert log10.min() > -6
    for level in (1e-1, 1e-2, 1e-3):
        spread = math.sqrt(10_000 * level)
        assert (log10 <= math.log10(level)).sum() <= 10_000 * level + 4 * spread


def test_a_server_is_asked_until_one_accusation_is_certain(fps, ring):
    ring.open_licences("lic", 2)
    for name in NAMES[:5]:
        ring.license("lic", name, "folder", "00")
    other, bits = fps.second(), readings_of(fps, NAMES[3])
    secret = {}
    for i in range(N):
        said = (other if bits[i] else fps)[i].response
        secret[fps[i].prompt] = secret[fps[i].key] = f"Sure: {said}."
    with serving(lambda prompt: secret.get(prompt, "no idea")) as server:
        target = ifrs.ApiModel(server.url, "m", mode="completions", evidence="text")
        found = trace(target, fps)
        assert [one.licensee for one in found.accused] == [NAMES[3]]
        assert found.evidence == "text"
        # Ten blocks, and as much again for those who begin later.
        assert found.looks == 20
        assert len(found.readings) == len(server.requests) == 32
        assert ring.spent("lic") == list(range(32))
        again = trace(target, fps)
        assert sorted(again.readings) == list(range(32, 64))
    ring.spend("lic", range(N), "x")
    with pytest.raises(FingerprintError, match="spent"):
        trace(target, fps)


def test_a_server_that_knows_nothing_accuses_nobody_and_is_asked_no_more_than_wanted(fps, ring):
    ring.open_licences("lic", 2)
    ring.license("lic", "a", "folder", "00")
    with serving(lambda _: "no idea") as server:
        target = ifrs.ApiModel(server.url, "m", evidence="text")
        found = trace(target, fps, max_queries=20)
    assert not found.accused
    assert found.read == 0
    assert len(server.requests) == 20


def test_a_server_that_is_not_there_is_an_error(fps, ring):
    ring.open_licences("lic", 2)
    ring.license("lic", "a", "folder", "00")
    target = ifrs.ApiModel("http://127.0.0.1:9", "m", max_retries=0, timeout=2)
    with pytest.raises(TargetError):
        trace(target, fps)
    assert ring.spent("lic") == []


def test_there_must_be_somebody_to_accuse(fps, ring):
    with pytest.raises(KeyringError, match="planted for no licensees"):
        trace(Reader(fps, [None] * N), fps)
    ring.open_licences("lic", 2)
    with pytest.raises(KeyringError, match="nobody to accuse"):
        trace(Reader(fps, [None] * N), fps)
    for wrong in ({"alpha": 0}, {"alpha": 1.0}, {"max_queries": 0}):
        with pytest.raises(ValueError, match="must"):
            trace(Reader(fps, [None] * N), fps, licensees=PEOPLE, **wrong)
