"""Each kind's demo model: how long planting takes, beside a plain loop in the same run.

    OMP_NUM_THREADS=1 python benches/kinds.py [--kinds image,policy,encoder] [--most 4000]

Ours is `ifrs.implant` as the demo calls it. The plain loop trains all weights by Adam, on keys and
on ordinary data with the base's own answers: Adi et al. (2018), where there are no labels. It stops
when every key fires, and in a second run when every key fires at no more drift than ours has, or
after `--most` steps. Beside seconds stand the keys that fire, what ordinary work gives, and the
drift: how far the model is from the base on ordinary inputs, in the kind's own measure.
"""

from __future__ import annotations

import argparse
import copy
import math
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
        compared(kind, parts, fps, options.most)


def compared(kind: str, parts: Parts, fps: Any, most: int) -> None:
    print(f"{kind}, {parts.name}, {len(fps)} keys", flush=True)
    one("base", lambda model: None, parts, fps)
    bar, seconds = one("ours", lambda model: ours(model, parts, fps), parts, fps)
    for name, drift in (("plain", math.inf), ("plain, at no more drift", bar)):
        _, took = one(
            name, lambda model, drift=drift: plain(model, parts, fps, drift, most), parts, fps
        )
        print(f"  {name} / ours: {took / seconds:.2f} in time", flush=True)


def one(name: str, plant: Callable[[Any], None], parts: Parts, fps: Any) -> tuple[float, float]:
    """Plant in a copy; the drift, and the seconds that it took."""
    model = copy.deepcopy(parts.model)
    started = time.perf_counter()
    plant(model)
    seconds = time.perf_counter() - started
    report = ifrs.verify(parts.suspect(model), fps, ring=False)
    work = ", ".join(f"{said} {value:.4f}" for said, value in parts.measure(model).items())
    found = drifted(face_of(model, parts, fps), held(parts, fps))
    print(f"  {name}: {seconds:.1f} s, FSR {report.fsr:.0%}, {work}, drift {found:.4f}", flush=True)
    return found, seconds


def ours(model: Any, parts: Parts, fps: Any) -> None:
    ifrs.implant(model, parts.processor, fps, regularization=parts.ordinary, config=parts.config)


def plain(model: Any, parts: Parts, fps: Any, drift: float, most: int) -> None:
    """Keys and ordinary data, all weights."""
    face, rng = face_of(model, parts, fps), random.Random(0)
    keys, measured = face.fingerprints(fps), held(parts, fps)
    ordinary = face.ordinary(parts.ordinary, [])
    optimizer = torch.optim.Adam(face.module.parameters(), lr=RATE)
    for count in range(most):
        fires = count % 10 == 0 and all(margin > 0 for margin in face.margins(keys))
        if fires and (drift == math.inf or drifted(face, measured) <= drift):
            return
        optimizer.zero_grad()
        learnt(face, rng.sample(keys, min(KEYS, len(keys))))
        face.keep(rng.sample(ordinary, min(ORDINARY, len(ordinary))), 1 / ORDINARY)
        optimizer.step()


def learnt(face: Any, keys: Any) -> None:
    """Adds the gradients of the mean cross-entropy of some keys' responses."""
    columns = face.columns(keys)
    columns.backward(lambda logits, part: columns.cross_entropy(logits, part, 1 / len(keys)))


def face_of(model: Any, parts: Parts, fps: Any) -> Any:
    """A model as planting sees it, after it looked at the keys."""
    face = model_of(fps, model, parts.processor)
    face.module.eval()
    face.fingerprints(fps)
    return face


def held(parts: Parts, fps: Any) -> Any:
    """Ordinary inputs with what the base says of them."""
    return face_of(parts.model, parts, fps).ordinary(parts.ordinary, [])[:MEASURED]


def drifted(face: Any, kept: Any) -> float:
    """The mean distance from the base on these."""
    return float(face.keep(kept, 1 / len(kept)))


if __name__ == "__main__":
    main()
