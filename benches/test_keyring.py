"""Keyrings from 1,000 to 100,000 fingerprints: make, open, look one up, append ten.

Keys made with a tokenizer are stored as they are; all others are derived again.

Scrypt runs at its lowest work factor: a passphrase costs a second by design, whatever the size.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import ifrs
import pytest

SIZES = (1_000, 10_000, 24_576, 100_000)
FAST = 2


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IFRS_STATE_DIR", str(tmp_path / "state"))


def make(folder: Path, n: int = 0, stored: bool = False) -> ifrs.Keyring:
    ring = ifrs.Keyring.create(folder / "keyring.ifrs", passphrase="x", _work_factor=FAST)
    if stored:
        generate_stored(ring, "many", n)
    elif n:
        ring.generate("many", n)
    return ring


def generate_stored(ring: ifrs.Keyring, name: str, n: int) -> None:
    """As with a tokenizer that keeps every key, without the time that a tokenizer takes."""
    ring._core.generate(
        name,
        n,
        source="mixed",
        template="dialogue",
        response="unique",
        context={},
        check=lambda keys: [True] * len(keys),
    )


@pytest.mark.parametrize("n", SIZES)
def test_generate(benchmark, tmp_path, n):
    ring, names = make(tmp_path), map(str, itertools.count())
    benchmark.pedantic(lambda: ring.generate(next(names), n), rounds=3)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_open(benchmark, tmp_path, n, stored):
    path = make(tmp_path, n, stored).path
    benchmark(lambda: ifrs.Keyring.open(path, passphrase="x").close())


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_open_and_look_up_one(benchmark, tmp_path, n, stored):
    path = make(tmp_path, n, stored).path
    index = n // 2

    def look_up() -> str:
        with ifrs.Keyring.open(path, passphrase="x") as ring:
            return ring["many"][index].key

    benchmark.pedantic(look_up, rounds=3)


@pytest.mark.parametrize("n", SIZES)
def test_look_up_one_of_an_open_set(benchmark, tmp_path, n):
    ring = make(tmp_path, n)
    benchmark(lambda: ring["many"][n // 2].key)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_append_ten(benchmark, tmp_path, n, stored):
    ring, names = make(tmp_path, n, stored), map(str, itertools.count())
    benchmark.pedantic(lambda: ring.generate(next(names), 10), rounds=10)


@pytest.mark.parametrize("sets", [10, 100, 1_000])
def test_append_ten_to_many_sets(benchmark, tmp_path, sets):
    ring = make(tmp_path)
    for name in range(sets):
        ring.generate(str(name), 1)
    names = map(str, itertools.count(sets))
    benchmark.pedantic(lambda: ring.generate(next(names), 10), rounds=10)
