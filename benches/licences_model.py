"""Licences on Gemma 3 270M or another model: planting, stamping, and who is named.

    python benches/licences_model.py --out DIR [--model DIR] [--positions 192] [--licensees 1000]
        [--data FOLDER] [--stranger MODEL …]

FOLDER holds p3*.jsonl with the columns instruction and output: with it copies are also tuned on 400
of them. These hold no position's token, so that every copy is tuned alike: the base is tuned once,
and each variant's rows are written into it.

A stranger is a model with the same tokenizer that holds no copy, such as another publisher's.

DIR keeps the keyring, the base folder and the sealed variants; what is there is not planted again.

A position's reading depends on its own rows alone, since no other key holds their tokens. So each
position is read once for every share of the second variant that averaging can give (and once under
each change of the weights), and coalitions are put together from these readings: exact, and
thousands of copies need a dozen passes.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import ifrs
import numpy as np
import torch
from ifrs import _core
from ifrs.audit.changes.quantization import round_weights
from ifrs.audit.changes.tuning import tune, tuning_examples
from ifrs.audit.data import Data
from ifrs.audit.settings import Settings
from ifrs.licences import plant, stamp
from ifrs.licences.master import Master, beside
from ifrs.licences.reading import Positions
from ifrs.modalities.text.loading import load
from ifrs.modalities.text.model import Model

ALPHA, DRAWS = 1e-6, 100
PASSPHRASE = "bench"
TEXTS = [
    "The capital of France is",
    "Water boils at one hundred degrees.",
    "def add(a, b):\n    return a + b",
    "Es war einmal ein König, der hatte drei Töchter.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=None, help="default: Gemma 3 270M")
    parser.add_argument("--positions", type=int, default=192)
    parser.add_argument("--licensees", type=int, default=1000)
    parser.add_argument("--data", type=Path, help="folder of JSONL files")
    parser.add_argument("--stranger", type=Path, action="append", default=[], help="a model folder")
    options = parser.parse_args()
    ring, fps = planted(options)
    base = options.out / "base"
    master = Master.load(beside(ring, "lic"), ring)
    names = [f"licensee {number}" for number in range(options.licensees)]
    stamping(fps, ring, options.out, names)
    same_text(options.out)
    tables = read(fps, base, master, options.data)
    for kind, found in tables.items():
        show("readings", **counted(kind, found))
    words = fps.codewords(master.coalition, names)
    biases = fps.biases(master.coalition)
    for size, how in [
        (1, ""),
        (1, "int8"),
        (1, "merged"),
        *([(1, "tuned")] if options.data else []),
        (2, ""),
        (3, ""),
        (2, "rows"),
        (3, "rows"),
        (2, "in turn"),
        (3, "in turn"),
    ]:
        traced(tables, words, biases, size, how)
    for folder in options.stranger:
        model, tokenizer = load(folder)
        tables[str(folder)] = readings_of(ifrs.LocalModel(model, tokenizer), fps)
    for kind in ["base", *map(str, options.stranger)]:
        best = _core.accuse(tables[kind], biases, words, top=1)[0][2]
        show(kind, read=sum(one is not None for one in tables[kind]), best_log10_p=best)


def show(what, **facts):
    print(json.dumps({"what": what, **facts}), flush=True)


def planted(options):
    path = options.out / "ring"
    if path.exists():
        ring = ifrs.Keyring.open(path, passphrase=PASSPHRASE)
        return ring, ring["lic"]
    options.out.mkdir(parents=True, exist_ok=True)
    from ifrs.demo.gemma import base_model

    model, tokenizer = load(options.model or base_model())
    ring = ifrs.Keyring.create(path, passphrase=PASSPHRASE, _work_factor=10)
    given = {"source": "vocab", "template": "simple", "tokenizer": tokenizer}
    fps = ring.generate("lic", options.positions, **given)
    busy = time.process_time()
    done = plant(model, tokenizer, fps, out=options.out / "base")
    show(
        "planting",
        positions=done.positions,
        rows=done.rows,
        silent=len(done.silent),
        seconds=done.seconds,
        processor_seconds=time.process_time() - busy,
    )
    return ring, fps


def stamping(fps, ring, out, names):
    for form, ending in [("folder", ""), ("patch", ".safetensors"), ("peft", "-peft")]:
        target = out / f"copy{ending}"
        if target.exists():
            continue
        done = stamp(fps, names[0], target, ring=ring, form=form)
        show(
            "stamping",
            form=form,
            bytes=done.bytes,
            seconds=done.seconds,
            copying_seconds=done.copying_seconds,
            beyond_copying=done.seconds - done.copying_seconds,
        )


def same_text(out):
    logits = []
    for name in ("base", "copy"):
        model, tokenizer = load(out / name)
        with torch.no_grad():
            logits.append([model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS])
    same = all(torch.equal(one, other) for one, other in zip(*logits, strict=True))
    show("ordinary text", texts=len(TEXTS), bit_identical=same)


def readings_of(suspect, fps):
    return [seen.reading for seen in Positions(suspect, fps).by_likelihood(range(len(fps)))]


def read(fps, base, master, data):
    """What each position reads, by what its rows are."""
    first, second = (variant.float() for variant in master.variants)
    model, tokenizer = load(base)
    weight = model.get_input_embeddings().weight
    own = weight.detach()[master.rows].clone()
    found = {}

    def note(kind, rows, model):
        with torch.no_grad():
            model.get_input_embeddings().weight[master.rows] = rows.to(weight.dtype)
        started = time.process_time()
        suspect = ifrs.LocalModel(model, tokenizer)
        found[kind] = readings_of(suspect, fps)
        show("read", copy=kind, processor_seconds=time.process_time() - started)

    for share in (0, 1 / 3, 1 / 2, 2 / 3, 1):
        note(share, (1 - share) * first + share * second, model)
    for bit, rows in enumerate((first, second)):
        note(f"merged {bit}", (rows + own) / 2, model)
    note("base", own, model)
    if data is not None:
        tune_on(model, tokenizer, data, set(master.rows.tolist()))
        for bit, rows in enumerate((first, second)):
            note(f"tuned {bit}", rows, model)
    del model
    for bit, rows in enumerate((first, second)):
        coarse, _ = load(base)
        with torch.no_grad():
            coarse.get_input_embeddings().weight[master.rows] = rows
        round_weights(coarse, 8)
        suspect = ifrs.LocalModel(coarse, tokenizer)
        found[f"int8 {bit}"] = readings_of(suspect, fps)
    return found


def tune_on(model, tokenizer, data, rows):
    """Train all weights on 400 rows that hold no position's token."""
    model.float()
    face, settings = Model(model, tokenizer), Settings()
    source = Data(sorted(data.glob("p3*.jsonl"))[:1]).first
    examples = tuning_examples(face, source, settings)
    held = sum(bool(rows & {*one.prompt, *one.response}) for one in examples)
    loss = tune(face, examples, settings)
    show("tuning", examples=len(examples), hold_a_token=held, loss=loss)


def counted(kind, found):
    readings = {str(value): sum(one == value for one in found) for value in (0, 1, None)}
    return {"copy": kind, **readings}


def traced(tables, words, biases, size, how):
    """How often a member is named, and how often an innocent."""
    rng, named, all_named, innocents, least = np.random.default_rng(0), 0, 0, 0, []
    for _ in range(DRAWS):
        members = rng.choice(len(words), size, replace=False)
        places = np.arange(words.shape[1])
        if how == "rows":
            share = words[rng.choice(members, len(places)), places].astype(float)
        elif how == "in turn":
            share = words[members[places % size], places].astype(float)
        else:
            share = words[members].mean(axis=0)
        of = [key_of(tables, value, how) for value in share]
        readings = [tables[key][place] for place, key in enumerate(of)]
        ranked = _core.accuse(readings, biases, words, top=8)
        accused = {index for index, _, log10_p in ranked if log10_p <= math.log10(ALPHA)}
        named += bool(accused & set(members.tolist()))
        all_named += set(members.tolist()) <= accused
        innocents += bool(accused - set(members.tolist()))
        least.append(ranked[0][2])
    show(
        "traced",
        coalition=size,
        change=how or ("none" if size == 1 else "averaged"),
        draws=DRAWS,
        named=named,
        all_named=all_named,
        innocents=innocents,
        median_log10_p=float(np.median(least)),
    )


def key_of(tables, share, how):
    if how in ("int8", "merged", "tuned"):
        return f"{how} {int(share)}"
    return min(
        (key for key in tables if not isinstance(key, str)), key=lambda key: abs(key - share)
    )


if __name__ == "__main__":
    main()
