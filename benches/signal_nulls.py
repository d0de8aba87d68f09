"""Simulated suspects that know everything but the seed: how often they match.

    python benches/signal_nulls.py [--suspects 200000] [--domains 2]

Each suspect answers 25 questions of each domain in one of seven ways: by a few favourite words, by
echoing the question, with one answer for everything, with other questions of the domain, with
random words, with nothing, and with the same word over and over. Each meets a family of 1,024
fresh random keys in every domain and a true colouring at a random place, which is what the
derivation gives whoever does not know the salt. Printed is how many reach each level, beside what
the level allows.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import tempfile
import time

import ifrs
import numpy as np
from ifrs import _core

KEYS, LANES, QUESTIONS = 1024, 64, 25
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
WORDS = _core.response_words()


def bundled() -> list[list[str]]:
    """All questions of every domain."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = folder
        path = f"{folder}/keyring.ifrs"
        with ifrs.Keyring.create(path, passphrase="bench", _work_factor=2) as ring:
            fps = ring.generate("all", 8, source="domain", response="signal")
            return [fps.questions(i) for i in range(len(fps))]


def answers(kind: str, asked: list[str], others: list[str], rng: random.Random) -> list[str]:
    favourites = rng.sample(WORDS, 8)
    fixed = " ".join(rng.choices(WORDS, k=30))
    ways = {
        "favourite words": lambda _: " ".join(rng.choices(favourites, k=12)),
        "echo": lambda question: question,
        "one answer": lambda _: fixed,
        "other questions": lambda _: rng.choice(others),
        "random words": lambda _: " ".join(rng.choices(WORDS, k=12)),
        "nothing": lambda _: "",
        "one word": lambda question: f"{favourites[0]} " * len(question),
    }
    return [ways[kind](question) for question in asked]


KINDS = (
    "favourite words",
    "echo",
    "one answer",
    "other questions",
    "random words",
    "nothing",
    "one word",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suspects", type=int, default=200_000)
    parser.add_argument("--domains", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, draw = random.Random(options.seed), np.random.default_rng(options.seed)
    domains, reached = bundled(), collections.Counter[tuple[str, float]]()
    start = time.monotonic()
    for number in range(options.suspects):
        kind, ranks = KINDS[number % len(KINDS)], []
        for questions in rng.sample(domains, options.domains):
            said = answers(kind, rng.sample(questions, QUESTIONS), questions, rng)
            keys = draw.integers(0, 256, (KEYS, 16), dtype=np.uint8)
            counts = _core.signal_tally(keys, _core.signal_pairs(said))
            truth = counts[draw.integers(KEYS * LANES)]
            ranks.append((int((counts >= truth).sum()), KEYS * LANES))
        log10_p = _core.exact_log10(ranks)
        reached.update((kind, level) for level in LEVELS if log10_p <= np.log10(level))
        if (number + 1) % 20_000 == 0 or number + 1 == options.suspects:
            print(f"{number + 1:,} suspects, {time.monotonic() - start:.0f} s")
            show(reached, number + 1)


def show(reached: collections.Counter[tuple[str, float]], suspects: int) -> None:
    """How many reached each level so far, beside what it allows on average."""
    print(f"{'':<18}" + "".join(f"{level:>10g}" for level in LEVELS))
    for kind in KINDS:
        print(f"{kind:<18}" + "".join(f"{reached[kind, level]:>10}" for level in LEVELS))
    sums = [sum(reached[kind, level] for kind in KINDS) for level in LEVELS]
    print(f"{'all':<18}" + "".join(f"{count:>10}" for count in sums))
    allowed = "".join(f"{suspects * level:>10g}" for level in LEVELS)
    print(f"{'allowed on average':<18}{allowed}", flush=True)


if __name__ == "__main__":
    main()
