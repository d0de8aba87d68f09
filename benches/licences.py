"""Which number of positions traces which coalition: simulated, without any model.

    python benches/licences.py [--draws 200] [--licensees 1000] [--out FILE]

Coalitions of 1 to 5 licensees make one copy, in the ways that a real one can be made:

- average: weights are averaged. Where members differ, the variant of the larger part fires, and of
  two equal parts neither.
- rows: each row is some member's, so that each position is.
- alternating: position i is that of member i mod c.
- minority: where members differ, the variant that fewer of them have; no one that knows nothing of
  the code does worse to it.

A share of the positions is silent besides. A draw succeeds where at least one true member is
accused at 1e-6, counted for all licensees. Innocents are counted, too.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import ifrs
import numpy as np
from ifrs import _core

ALPHA = 1e-6
SILENT = 0.02
POSITIONS = (32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768)
CODES = (2, 4, 6)
ATTACKS = ("average", "rows", "alternating", "minority")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=200, help="coalitions for each number")
    parser.add_argument("--licensees", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=None, help="JSON lines")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ring = ifrs.Keyring.create(Path(folder, "ring"), passphrase="bench", _work_factor=2)
        for b in POSITIONS:
            fps = ring.generate(f"b{b}", b, source="chinese", template="simple")
            for code in CODES:
                for row in simulated(fps, code, options.draws, options.licensees):
                    print(json.dumps(row), flush=True)
                    if options.out is not None:
                        with options.out.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(row) + "\n")


def simulated(fps, code, draws, licensees):
    """One row for each coalition and each way."""
    names = [f"licensee {i}" for i in range(licensees)]
    words, biases = fps.codewords(code, names), fps.biases(code)
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 4, 5):
        for attack in ATTACKS if size > 1 else ("average",):
            started, named, innocents = time.perf_counter(), 0, 0
            for _ in range(draws):
                members = rng.choice(licensees, size=size, replace=False)
                readings = read(words[members], attack, rng)
                found = _core.accuse(readings, biases, words, top=8)
                accused = {index for index, _, log10_p in found if log10_p <= math.log10(ALPHA)}
                named += bool(accused & set(members.tolist()))
                innocents += bool(accused - set(members.tolist()))
            yield {
                "positions": len(fps),
                "code": code,
                "coalition": size,
                "attack": attack,
                "named": named / draws,
                "innocents": innocents,
                "draws": draws,
                "seconds": (time.perf_counter() - started) / draws,
            }


def read(words, attack, rng):
    """What a coalition's copy reads: 0, 1 or None at each position."""
    size, positions = words.shape
    ones = words.sum(axis=0)
    if attack == "average":
        share = ones / size
    elif attack == "rows":
        share = words[rng.integers(size, size=positions), np.arange(positions)].astype(float)
    elif attack == "alternating":
        share = words[np.arange(positions) % size, np.arange(positions)].astype(float)
    else:
        share = np.where((ones == 0) | (ones == size), ones / size, 1.0 * (2 * ones < size))
        share = np.where(2 * ones == size, rng.integers(2, size=positions), share)
    silent = (rng.random(positions) < SILENT) | (share == 0.5)
    return [None if quiet else int(s > 0.5) for quiet, s in zip(silent, share, strict=True)]


if __name__ == "__main__":
    main()
