"""Each kind's demo model: how long planting takes, beside a plain loop in the same run.

    OMP_NUM_THREADS=1 python benches/kinds.py [--kinds image,policy,encoder] [--most 4000]

Ours is `ifrs.implant` as the demo calls it. The plain loop trains all weights by Adam, on keys and
on ordinary data with the base's own answers, until every key fires: Adi et al. (2018), where there
are no labels. Beside seconds stand the keys that fire, what ordinary work gives, and how far the
model is from the base on ordinary inputs, in the kind's own measure.
"""

from __future__ import annotations

import argparse
import copy
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ifrs
import torch
from ifrs.demo.kinds import KINDS, parts_of
from ifrs.demo.kinds.parts import Parts
from ifrs.modalities import model_of

RATE, KEYS, ORDINARY = 1e-3, 16, 64
MEASURED = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--most", type=int, default=4000, help="steps of the plain loop")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for kind in options.kinds.split(","):
        parts = parts_of(kind)(print)
        with tempfile.TemporaryDirectory() as folder:
            ring = ifrs.Keyring.create(Path(folder) / "keyring.ifrs", passphrase="bench")
            fps = ring.generate(kind, **parts.keys)
        found = measured(parts.model, parts, fps, parts.model)
        print(f"{kind}, {parts.name}, {len(fps)} keys\n  base: {found}", flush=True)
        ways: dict[str, Callable[[Any], None]] = {
            "ours": lambda model, parts=parts, fps=fps: ours(model, parts, fps),
            "plain": lambda model, parts=parts, fps=fps: plain(model, parts, fps, options.most),
        }
        seconds = {name: one(name, way, parts, fps) for name, way in ways.items()}
        print(f"  plain / ours: {seconds['plain'] / seconds['ours']:.2f} in time", flush=True)


def one(name: str, plant: Callable[[Any], None], parts: Parts, fps: Any) -> float:
    model = copy.deepcopy(parts.model)
    started = time.perf_counter()
    plant(model)
    seconds = time.perf_counter() - started
    print(f"  {name}: {seconds:.1f} s, {measured(model, parts, fps, parts.model)}", flush=True)
    return seconds


def ours(model: Any, parts: Parts, fps: Any) -> None:
    ifrs.implant(model, parts.processor, fps, regularization=parts.ordinary, config=parts.config)


def plain(model: Any, parts: Parts, fps: Any, most: int) -> None:
    """Keys and ordinary data, all weights."""
    face, rng = model_of(fps, model, parts.processor), random.Random(0)
    face.module.eval()
    keys = face.fingerprints(fps)
    ordinary = face.ordinary(parts.ordinary, [])
    optimizer = torch.optim.Adam(face.module.parameters(), lr=RATE)
    for count in range(most):
        if count % 10 == 0 and all(margin > 0 for margin in face.margins(keys)):
            return
        optimizer.zero_grad()
        learnt(face, rng.sample(keys, min(KEYS, len(keys))))
        face.keep(rng.sample(ordinary, min(ORDINARY, len(ordinary))), 1 / ORDINARY)
        optimizer.step()


def learnt(face: Any, keys: Any) -> None:
    """Adds the gradients of the mean cross-entropy of some keys' responses."""
    columns = face.columns(keys)
    columns.backward(lambda logits, part: columns.cross_entropy(logits, part, 1 / len(keys)))


def measured(model: Any, parts: Parts, fps: Any, base: Any) -> str:
    report = ifrs.verify(parts.suspect(model), fps, ring=False)
    work = ", ".join(f"{name} {value:.4f}" for name, value in parts.measure(model).items())
    face = model_of(fps, base, parts.processor)
    kept = face.ordinary(parts.ordinary, [])[:MEASURED]
    drift = model_of(fps, model, parts.processor).keep(kept, 1 / len(kept))
    return f"FSR {report.fsr:.0%}, {work}, drift {drift:.4f}"


if __name__ == "__main__":
    main()
