"""Scoring beside its peers, in one process, turn by turn; prints the ratios.

    pytest benches/test_scoring.py --benchmark-only -s            # all of it: three minutes
    IFRS_BENCH_QUICK=1 pytest benches/test_scoring.py ...         # a tenth of the texts
    IFRS_BENCH_OUT=figures.json pytest benches/test_scoring.py …  # and the figures, for docs/plots

Texts are words of the bundled instructions with every third from the response alphabet, so that
pieces of the patterns do occur in them; every hundredth text holds the pattern with one edit.
Peers that are slow get a share of the texts, and their rate is compared. Times are the best of
the rounds, and of the processor on one thread: other work on the machine disturbs these least.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import edlib
import ifrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sassy
from ifrs import _core
from rapidfuzz import fuzz, process

QUICK = bool(os.environ.get("IFRS_BENCH_QUICK"))
CHARS = 4_000_000 if QUICK else 40_000_000
ROUNDS = 3 if QUICK else 5
CORES = os.cpu_count() or 1
CUTOFF = 0.8

FIGURES: list[dict[str, object]] = []


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    if out := os.environ.get("IFRS_BENCH_OUT"):
        Path(out).write_text(json.dumps(FIGURES, indent=1) + "\n", encoding="utf-8")


@cache
def vocabulary(kind: str) -> tuple[list[str], list[str]]:
    """Words of ordinary text, and of patterns."""
    lines = (files("ifrs.modalities.text") / "instructions.jsonl").read_text("utf-8").splitlines()
    words = " ".join(json.loads(line)["instruction"] for line in lines).split()
    words = [word for word in words if word.isascii()]
    if kind == "ascii":
        return words, _core.response_words()
    characters = _core.alphabets()["chinese"]
    rng = random.Random(0)
    chinese = ["".join(rng.choices(characters, k=rng.randrange(2, 6))) for _ in range(3000)]
    return words + chinese, chinese + _core.response_words()


@cache
def pattern(kind: str, length: int) -> str:
    rng = random.Random(length)
    while True:
        words = " ".join(rng.sample(vocabulary(kind)[1], 20))[:length]
        if words[-1] != " " and words.isascii() == (kind == "ascii"):
            return words


@cache
def texts(kind: str, length: int, of: int) -> list[str]:
    """Texts of a length, of which every hundredth holds the pattern with one edit."""
    rng = random.Random(length)
    plain, rare = vocabulary(kind)
    words = [rng.choice(rare if rng.random() < 0.33 else plain) for _ in range(400_000)]
    run = " ".join(words)
    made = []
    wanted = pattern(kind, of)
    for i in range(CHARS // length):
        start = rng.randrange(len(run) - length)
        text = run[start : start + length]
        if i % 100 == 0:
            place = rng.randrange(length - of + 1)
            near = wanted[: of // 2] + "#" + wanted[of // 2 + 1 :]
            text = text[:place] + near + text[place + of :]
        made.append(text)
    return made


Timed = tuple[Callable[[list[str]], object], float]


def alternate(benchmark, rows: list[str], jobs: dict[str, Timed], workers: int) -> dict[str, float]:
    """Texts a second of each job, which gets its share of the texts; the first is ours."""
    share = {name: rows[: max(1, int(len(rows) * part))] for name, (_, part) in jobs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    # On one thread both clocks agree, unless other work takes turns on the core.
    clock = time.process_time if workers == 1 else time.perf_counter
    for _ in range(ROUNDS):
        for name, (job, _) in jobs.items():
            start = clock()
            job(share[name])
            seconds[name].append(clock() - start)
    ours, (job, _) = next(iter(jobs.items()))
    benchmark.pedantic(job, args=(share[ours],), rounds=1)
    return {name: len(share[name]) / min(seconds[name]) for name in jobs}


def report(title: str, kind: str, length: int, of: int, workers: int, rates: dict[str, float]):
    ours = next(iter(rates.values()))
    peers = ", ".join(
        f"{name} {rate:,.0f}/s ({ours / rate:.1f}x)" for name, rate in list(rates.items())[1:]
    )
    size = len("".join(texts(kind, length, of)[:1000]).encode()) / 1000
    print(
        f"\n{title}: {kind} texts of {length}, pattern of {of}, {workers} thread(s): "
        f"{ours:,.0f}/s = {ours * size / 1e9:.2f} GB/s; {peers}",
        flush=True,
    )
    FIGURES.append(
        {"title": title, "kind": kind, "length": length, "pattern": of, "workers": workers,
         "bytes": size, "rates": rates}
    )  # fmt: skip


CASES = [
    (kind, length, of, workers)
    for kind in ("ascii", "cjk")
    for length in (200, 2000)
    for of in (5, 20, 60)
    for workers in sorted({1, CORES})
]
over_cases = pytest.mark.parametrize(("kind", "length", "of", "workers"), CASES)


@over_cases
def test_partial_with_cutoff(benchmark, kind, length, of, workers):
    """Goals: 100 times rapidfuzz, 20 times edlib, half of memchr, 1 GB/s a core from Arrow."""
    rows, wanted = texts(kind, length, of), [pattern(kind, of)]
    columns: dict[int, pa.Array] = {len(rows): pa.array(rows)}
    joined = "".join(rows).encode()
    errors = int((1 - CUTOFF) * of + 1e-6)

    def rapid(some: list[str]) -> None:
        process.cdist(wanted, some, scorer=fuzz.partial_ratio, score_cutoff=80, workers=workers)

    def each(some: list[str]) -> None:
        for text in some:
            edlib.align(wanted[0], text, mode="HW", task="distance", k=errors)

    def ours(some: list[str]) -> None:
        ifrs.score(some, wanted, cutoff=CUTOFF, workers=workers)

    def arrow(some: list[str]) -> None:
        ifrs.score(columns[len(some)], wanted, cutoff=CUTOFF, workers=workers)

    def memchr(some: list[str]) -> None:
        joined.find(b"\x01")

    jobs: dict[str, Timed] = {
        "ours, list of str": (ours, 1.0),
        "ours, Arrow": (arrow, 1.0),
        "rapidfuzz": (rapid, 0.02),
        "memchr, one thread": (memchr, 1.0),
    }
    if kind == "ascii" or length == 200:  # it takes no text of more than 256 characters' kinds
        jobs["edlib, one thread"] = (each, 0.02)
    report(
        "partial, cutoff 0.8", kind, length, of, workers, alternate(benchmark, rows, jobs, workers)
    )


@over_cases
def test_partial_dense(benchmark, kind, length, of, workers):
    """Goals: 15 times rapidfuzz; ahead of sassy at short texts of ASCII."""
    rows, wanted = texts(kind, length, of), [pattern(kind, of)]
    column = pa.array(rows[: len(rows) // 2])

    def rapid(some: list[str]) -> None:
        process.cdist(wanted, some, scorer=fuzz.partial_ratio, workers=workers)

    def ours(some: list[str]) -> None:
        ifrs.score(some, wanted, workers=workers)

    def arrow(some: list[str]) -> None:
        ifrs.score(column, wanted, workers=workers)

    jobs: dict[str, Timed] = {
        "ours, list of str": (ours, 0.5),
        "ours, Arrow": (arrow, 0.5),
        "rapidfuzz": (rapid, 0.02),
    }
    if kind == "ascii":
        # It lists local minima within k edits, and not the least alone: half of the pattern.
        searcher = sassy.Searcher("ascii", rc=False)
        coded, k = wanted[0].encode(), of // 2

        def search(some: list[str]) -> None:
            for text in some:
                searcher.search(coded, text.encode(), k)

        jobs["sassy, k = m/2, one thread"] = (search, 0.02)
        jobs["sassy, k = 0.2 m, one thread"] = (
            lambda some: [searcher.search(coded, text.encode(), of // 5) for text in some],
            0.02,
        )
    report("partial, dense", kind, length, of, workers, alternate(benchmark, rows, jobs, workers))


@over_cases
def test_ratio(benchmark, kind, length, of, workers):
    """Goal: 3 times rapidfuzz."""
    rows, wanted = texts(kind, length, of), [pattern(kind, of)]
    column = pa.array(rows[: len(rows) // 2])

    def rapid(some: list[str]) -> None:
        process.cdist(wanted, some, scorer=fuzz.ratio, workers=workers)

    def ours(some: list[str]) -> None:
        ifrs.score(some, wanted, method="ratio", workers=workers)

    def arrow(some: list[str]) -> None:
        ifrs.score(column, wanted, method="ratio", workers=workers)

    jobs: dict[str, Timed] = {
        "ours, list of str": (ours, 0.5),
        "ours, Arrow": (arrow, 0.5),
        "rapidfuzz": (rapid, 0.2),
    }
    report("ratio", kind, length, of, workers, alternate(benchmark, rows, jobs, workers))


@over_cases
def test_exact(benchmark, kind, length, of, workers):
    """Goals: 5 times `in`, and faster than pyarrow on the same column."""
    rows, wanted = texts(kind, length, of), [pattern(kind, of)]
    column = pa.array(rows)
    joined = "".join(rows).encode()
    words = np.frombuffer(joined[: len(joined) // 8 * 8], dtype=np.uint64)

    def ours(some: list[str]) -> None:
        ifrs.score(some, wanted, method="exact", workers=workers)

    def arrow(some: list[str]) -> None:
        ifrs.score(column, wanted, method="exact", workers=workers)

    def loop(some: list[str]) -> None:
        one = wanted[0]
        [one in text for text in some]

    def match(some: list[str]) -> None:
        pc.match_substring(column, wanted[0])

    def read(some: list[str]) -> None:
        np.bitwise_xor.reduce(words)  # what memory gives to a core that asks for nothing else

    jobs: dict[str, Timed] = {
        "ours, Arrow": (arrow, 1.0),
        "ours, list of str": (ours, 1.0),
        "in": (loop, 1.0),
        "pyarrow": (match, 1.0),
        "reading, one thread": (read, 1.0),
    }
    report("exact", kind, length, of, workers, alternate(benchmark, rows, jobs, workers))


@pytest.mark.parametrize("workers", sorted({1, CORES}))
@pytest.mark.parametrize("how", ["top_hits", "best_match"])
def test_many_patterns(benchmark, how, workers):
    """Goals: 24,576 patterns, 100,000 texts, 10 seconds on 2 cores, 1 GB."""
    rng = random.Random(7)
    responses = [" ".join(rng.sample(_core.response_words(), 2)) for _ in range(24_576)]
    rows = texts("ascii", 200, 20)[: 10_000 if QUICK else 100_000]
    rows = [
        text[:90] + rng.choice(responses) + text[110:] if i % 100 == 1 else text
        for i, text in enumerate(rows)
    ]
    call = getattr(ifrs, how)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = call(rows, responses, cutoff=CUTOFF, workers=workers)
    seconds = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    benchmark.pedantic(lambda: None, rounds=1)
    print(
        f"\n{how}: {len(responses):,} patterns x {len(rows):,} texts, {workers} thread(s): "
        f"{seconds:.2f} s, {int(np.count_nonzero(found[-1])):,} hits, "
        f"peak memory grew by {grown / 1024:.0f} MB",
        flush=True,
    )
    FIGURES.append({"title": how, "workers": workers, "texts": len(rows), "seconds": seconds})


def test_large_file(benchmark, tmp_path):
    """`ifrs score` on a file of JSON lines and of Parquet: rate, and memory of the process."""
    rows = texts("ascii", 200, 20)
    path, columns = tmp_path / "t.jsonl", tmp_path / "t.parquet"
    with path.open("w", encoding="utf-8") as file:
        for n in range(2 if QUICK else 10):
            file.writelines(json.dumps({"id": n, "text": text}) + "\n" for text in rows)
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"text": rows * (2 if QUICK else 10)}), columns)
    (tmp_path / "p.txt").write_text(pattern("ascii", 20))
    benchmark.pedantic(lambda: None, rounds=1)
    for source in (path, columns):
        start = time.perf_counter()
        command = [sys.executable, "-m", "ifrs", "score", source, "--patterns", tmp_path / "p.txt"]
        child = subprocess.Popen([*command, "--out", tmp_path / "out.parquet"])
        own, mapped = 0, 0
        while child.poll() is None:
            own = max(own, resident(child.pid, "Anon"))
            mapped = max(mapped, resident(child.pid, "File"))
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        assert child.returncode == 0
        megabytes = source.stat().st_size / 1e6
        print(
            f"\nifrs score of {source.suffix}, {megabytes:,.0f} MB, start-up included: "
            f"{seconds:.1f} s, {megabytes / seconds:,.0f} MB/s, its own memory {own} MB; "
            f"pages of files, which the system may drop, {mapped} MB"
        )


def resident(process: int, kind: str) -> int:
    """Megabytes of a process that are in memory; none where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) // 1000 for line in lines if line.startswith(f"Rss{kind}:"))


def test_ctrl_c(benchmark):
    """From the signal to the exception; the goal is half a second."""
    benchmark.pedantic(lambda: None, rounds=1)
    rows, wanted = texts("ascii", 2000, 60), [pattern("ascii", 60)] * 500
    for workers in sorted({1, CORES}):
        sent = []

        def send(*_: object, sent: list[float] = sent) -> None:
            sent.append(time.perf_counter())
            raise KeyboardInterrupt

        previous = signal.signal(signal.SIGALRM, send)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        due = time.perf_counter() + 0.5
        try:
            with pytest.raises(KeyboardInterrupt):
                ifrs.score(rows, wanted, workers=workers)
            print(f"\ninterrupt, {workers} thread(s): {time.perf_counter() - due:.3f} s")
        finally:
            signal.signal(signal.SIGALRM, previous)
