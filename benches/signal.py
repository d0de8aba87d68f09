"""Counting green pairs under all colourings of a domain, beside numpy with OpenSSL's AES.

    python benches/signal.py [--pairs 20000] [--rounds 3]

Both count the same pairs under the same 1,024 keys, alternating in one process, and give the
same counts. numpy's way: one call of OpenSSL for each key (AES-NI), green bits by two whole-array
operations, and each bit of 64 colourings summed by `unpackbits`, the fastest of what was tried
(see `numpy_tally`). Times are the least of some rounds. At last, ours at half as many keys, and
at half as many pairs.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from ifrs import _core
from numpy.typing import NDArray

KEYS, LANES = 1024, 64


def numpy_tally(keys: NDArray[np.uint8], pairs: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The counts, key after key.

    Slower were: shifting each colouring's bit out of all words; a hash of numpy's own integer
    arithmetic in place of AES; and all keys at once, which no cache holds.
    """
    text, counts = pairs.tobytes(), np.empty((len(keys), LANES), dtype=np.uint16)
    for row, key in enumerate(keys):
        data = Cipher(algorithms.AES(key.tobytes()), modes.ECB()).encryptor().update(text)
        words = np.frombuffer(data, dtype=np.uint64).reshape(-1, 2)
        green = ~(words[:, 0] | words[:, 1])
        bits = np.unpackbits(green.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        counts[row] = bits.sum(axis=0, dtype=np.uint16)
    return counts.reshape(-1)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 256, (KEYS, 16), dtype=np.uint8)
    pairs = rng.integers(0, 256, (options.pairs, 16), dtype=np.uint8)
    ours, theirs = [], []
    before = peak_mb()
    found = _core.signal_tally(keys, pairs)
    grown = peak_mb() - before
    for _ in range(options.rounds):
        seconds, found = timed(lambda: _core.signal_tally(keys, pairs))
        ours.append(seconds)
        seconds, wanted = timed(lambda: numpy_tally(keys, pairs))
        theirs.append(seconds)
        assert np.array_equal(found, wanted)
    print(f"{KEYS * LANES:,} colourings x {options.pairs:,} pairs, {os.cpu_count()} cores")
    print(f"{platform.machine()}, numpy {np.__version__}")
    print(f"ours        {min(ours):8.3f} s   memory grew by {grown:.1f} MB (peak {peak_mb():.0f})")
    print(f"numpy       {min(theirs):8.3f} s   {min(theirs) / min(ours):.0f} times as long")
    for name, some in (
        ("half the keys", (keys[::2], pairs)),
        ("half the pairs", (keys, pairs[::2])),
    ):
        least = min(timed(lambda some=some: _core.signal_tally(*some))[0] for _ in range(5))
        print(f"{name:<15}{least:5.3f} s   {least / min(ours):.2f} of the whole")


if __name__ == "__main__":
    main()
