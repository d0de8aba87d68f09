"""Counting green pairs under all colourings of a domain, beside numpy.

    python benches/signal_counting.py [--pairs 20000] [--rounds 3]

All count the same pairs under the same keys, alternating in one process, and give the same counts.
Times are the least of some rounds; at last, ours at half as many keys, and at half as many pairs.

numpy alone computes AES by its four tables (Daemen and Rijmen, "The Design of Rijndael", 2002,
section 4.2), whole columns of blocks at a time, under one key of 16, and the time is scaled. numpy
with OpenSSL has AES from there, as quick as ours: what is left is counting. Both sum the bits of 64
colourings by `unpackbits`. Slower were shifting each colouring's bit out of all words, and all keys
at once, which no cache holds.
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

KEYS, LANES, PART = 1024, 64, 16
Bytes = NDArray[np.uint8]


def doubled(value: int) -> int:
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def substitutions() -> list[int]:
    """AES's table of bytes: inverses, and what FIPS 197 has behind them."""
    powers = [1]
    while len(powers) < 255:
        powers.append(powers[-1] ^ doubled(powers[-1]))
    inverse = [0] * 256
    for place, power in enumerate(powers):
        inverse[power] = powers[-place % 255]

    def mixed(byte: int) -> int:
        found = byte ^ 0x63
        for shift in range(1, 5):
            found ^= (byte << shift | byte >> (8 - shift)) & 255
        return found

    return [mixed(byte) for byte in inverse]


SBOX = substitutions()
WHOLE = np.array(
    [doubled(s) << 24 | s << 16 | s << 8 | (doubled(s) ^ s) for s in SBOX], dtype=np.uint32
)
TABLES = [WHOLE, *((WHOLE >> np.uint32(8 * i) | WHOLE << np.uint32(32 - 8 * i)) for i in (1, 2, 3))]
LAST = np.array(SBOX, dtype=np.uint32)


def round_keys(key: bytes) -> list[int]:
    words = [int.from_bytes(key[start : start + 4], "big") for start in (0, 4, 8, 12)]
    constant = 1
    for place in range(4, 44):
        word = words[-1]
        if place % 4 == 0:
            turned = (word << 8 | word >> 24) & 0xFFFFFFFF
            word = sum(SBOX[turned >> shift & 255] << shift for shift in (24, 16, 8, 0))
            word ^= constant << 24
            constant = doubled(constant)
        words.append(words[-4] ^ word)
    return words


def encrypted(key: bytes, columns: list[NDArray[np.uint32]]) -> list[NDArray[np.uint32]]:
    """Blocks under a key, each four columns of 32 bits, by tables alone."""
    keys = round_keys(key)
    state = [column ^ np.uint32(keys[i]) for i, column in enumerate(columns)]
    for start in range(4, 40, 4):
        state = [
            TABLES[0][state[i] >> 24]
            ^ TABLES[1][state[(i + 1) % 4] >> 16 & 255]
            ^ TABLES[2][state[(i + 2) % 4] >> 8 & 255]
            ^ TABLES[3][state[(i + 3) % 4] & 255]
            ^ np.uint32(keys[start + i])
            for i in range(4)
        ]
    return [
        (
            LAST[state[i] >> 24] << 24
            | LAST[state[(i + 1) % 4] >> 16 & 255] << 16
            | LAST[state[(i + 2) % 4] >> 8 & 255] << 8
            | LAST[state[(i + 3) % 4] & 255]
        )
        ^ np.uint32(keys[40 + i])
        for i in range(4)
    ]


def counted(blocks: Bytes) -> NDArray[np.uint16]:
    """Green pairs under 64 colourings, of blocks as the cipher gives them, (pairs, 16)."""
    words = blocks.view(np.uint64)
    green = ~(words[:, 0] | words[:, 1])
    bits = np.unpackbits(green.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    found: NDArray[np.uint16] = bits.sum(axis=0, dtype=np.uint16)
    return found


def numpy_alone(keys: Bytes, pairs: Bytes) -> NDArray[np.uint16]:
    columns = [column.astype(np.uint32) for column in pairs.view(">u4").T]
    found = []
    for key in keys:
        blocks = np.stack(encrypted(key.tobytes(), columns), axis=1).astype(">u4")
        found.append(counted(np.ascontiguousarray(blocks).view(np.uint8)))
    return np.concatenate(found)


def numpy_with_openssl(keys: Bytes, pairs: Bytes) -> NDArray[np.uint16]:
    text, found = pairs.tobytes(), []
    for key in keys:
        data = Cipher(algorithms.AES(key.tobytes()), modes.ECB()).encryptor().update(text)
        found.append(counted(np.frombuffer(data, dtype=np.uint8).reshape(-1, 16)))
    return np.concatenate(found)


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
    before = peak_mb()
    found = _core.signal_tally(keys, pairs)
    grown = peak_mb() - before
    ours, openssl, alone = [], [], []
    for _ in range(options.rounds):
        seconds, found = timed(lambda: _core.signal_tally(keys, pairs))
        ours.append(seconds)
        seconds, wanted = timed(lambda: numpy_with_openssl(keys, pairs))
        openssl.append(seconds)
        assert np.array_equal(found, wanted)
        seconds, wanted = timed(lambda: numpy_alone(keys[::PART], pairs))
        alone.append(PART * seconds)
        assert np.array_equal(found.reshape(KEYS, LANES)[::PART].reshape(-1), wanted)
    best = min(ours)
    print(f"{KEYS * LANES:,} colourings x {options.pairs:,} pairs, {os.cpu_count()} cores")
    print(f"{platform.machine()}, numpy {np.__version__}")
    print(f"ours                {best:8.3f} s   memory grew by {grown:.1f} MB")
    for name, times in (("numpy alone", alone), ("numpy, OpenSSL's AES", openssl)):
        print(f"{name:<20}{min(times):8.3f} s   {min(times) / best:.0f} times as long")
    for name, some in (
        ("half the keys", (keys[::2], pairs)),
        ("half the pairs", (keys, pairs[::2])),
    ):
        least = min(timed(lambda some=some: _core.signal_tally(*some))[0] for _ in range(5))
        print(f"{name:<20}{least:8.3f} s   {least / best:.2f} of the whole")


if __name__ == "__main__":
    main()
