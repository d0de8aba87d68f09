"""The exact combination of ranks, beside numpy's convolution on a lattice.

    python benches/exact.py [--rounds 5] [--keys 10 --keys 1000 --keys 100000]

Keys have two words each. Some fire, the others' ranks are at random, the same in every run. Both
ways take the same ranks in turn, in one process; times are medians. numpy rounds every value up on
one lattice of at most 2^22 cells, transforms, takes the power and adds up the tail: a bound, too,
but one that ends where double precision does, near 1e-16, and that its rounding makes the weaker
the more keys there are. So it is compared where it can say something (few keys fire, or none), and
ours is timed alone where half of them or nearly all fire. Memory is the peak of a process of its
own, less what that held before.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from ifrs import _core
from numpy.typing import NDArray

SIZES = (2048, 2047)
WAYS: dict[str, Callable[[list[tuple[int, int]]], float]]
MOST_CELLS = 1 << 22


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, action="append", help="default: 10, 1,000 and 100,000")
    parser.add_argument("--alone", choices=("ours", "numpy"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = options.keys or (10, 1_000, 100_000)
    if options.alone:
        print(memory_of(options.alone, ranks_of(sizes[0], weak(sizes[0]))))
        return
    # First of all: a process begins with the peak of the one that started it.
    held = {(keys, way): held_by(way, keys) for keys in sizes for way in WAYS}
    for keys in sizes:
        beside(keys, options.rounds, held)
        for share in (0.5, 0.9):
            alone(keys, share, options.rounds)


def weak(keys: int) -> float:
    """A share of firing keys that leaves p above 1e-16: one key of ten, two of 1,000."""
    return max(0.1 / math.sqrt(keys / 10) ** 1.5, 0.0) if keys < 10_000 else 0.0


def ranks_of(keys: int, share: float) -> list[tuple[int, int]]:
    """(rank, candidates) of every word; a share of the keys ranks first, the others at random."""
    rng = random.Random(keys)
    fires = [place < round(keys * share) for place in range(keys)]
    return [(1 if fired else rng.randint(1, size), size) for fired in fires for size in SIZES]


def held_by(way: str, keys: int) -> int:
    """Bytes that one way holds, in a process of its own."""
    command = [sys.executable, __file__, "--alone", way, "--keys", str(keys)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def beside(keys: int, rounds: int, held: dict[tuple[int, str], int]) -> None:
    """Prints times of both ways, their ratio, and what each found."""
    ranks = ranks_of(keys, weak(keys))
    rounds = max(rounds, 300 // keys)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    found = {}
    for turn in range(rounds + 1):
        for way, work in WAYS.items():
            started = time.perf_counter()
            found[way] = work(ranks)
            if turn:
                seconds[way].append(time.perf_counter() - started)
    times = {way: statistics.median(values) for way, values in seconds.items()}
    print(f"{keys:,} keys, {round(keys * weak(keys))} fire")
    for way, value in times.items():
        size = held[keys, way] / 1e6
        print(f"  {way:5} {1e3 * value:10.3f} ms, {size:6.1f} MB, log10 p {found[way]:.4f}")
    print(f"  ours is {times['numpy'] / times['ours']:.1f} times as fast")


def alone(keys: int, share: float, rounds: int) -> None:
    """Prints what ours takes for far tails."""
    ranks = ranks_of(keys, share)
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        found = _core.exact_log10(ranks)
        seconds.append(time.perf_counter() - started)
    time_ms = 1e3 * statistics.median(seconds[1:])
    fire = round(keys * share)
    print(f"{keys:,} keys, {fire:,} fire: ours {time_ms:.3f} ms, log10 p {found:.4f}")


def lattice_log10(ranks: list[tuple[int, int]]) -> float:
    """log10 of the tail from numpy's FFT, each value rounded up to a lattice."""
    counts = Counter(size for _, size in ranks)
    values = {size: logarithms(size) for size in counts}
    lowest = sum(count * values[size].min() for size, count in counts.items())
    highest = sum(count * values[size].max() for size, count in counts.items())
    observed = math.fsum(float(values[size][rank - 1]) for rank, size in ranks)
    cells = min(MOST_CELLS, 1 << math.ceil(math.log2((highest - lowest) / 1e-3)))
    step = (highest - lowest) / (cells - len(ranks) - 2)
    transform = np.ones(cells // 2 + 1, dtype=complex)
    for size, count in counts.items():
        places = np.ceil((values[size] - values[size].min()) / step).astype(int)
        masses = np.bincount(places, minlength=cells) / size
        transform *= np.fft.rfft(masses) ** count
    masses = np.fft.irfft(transform, cells)
    tail = masses[max(0, math.floor((observed - lowest) / step - 1e-6)) :].sum()
    return math.log10(min(max(tail, 1e-300), 1.0))


def logarithms(size: int) -> NDArray[np.float64]:
    """The logarithms of the bets on each rank."""
    rank = np.arange(1, size + 1)
    spread = 0.3 * size / (rank * (1 / rank).sum())
    return np.log(0.1 + 0.6 * size * (rank == 1) + spread)


def memory_of(way: str, ranks: list[tuple[int, int]]) -> int:
    """The peak of one way in bytes, less what the process had before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    WAYS[way](ranks)
    unit = 1 if sys.platform == "darwin" else 1024
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit


WAYS = {"ours": _core.exact_log10, "numpy": lattice_log10}


if __name__ == "__main__":
    main()
