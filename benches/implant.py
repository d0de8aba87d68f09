"""Every method of planting beside the plain recipe, on Gemma 3 270M or any other model.

    make bench-implant DATA=/path/to/data
    python benches/implant.py --data DIR [--out bench-out] [--model DIR] [--only emb --only plain]

Each stage runs in a process of its own, so that peak memory is its own, and appends one JSON line
to OUT/implant.jsonl; a stage found there is not run again, so an interrupted bench goes on. Delete
the file, or choose another OUT, for a fresh one. DIR holds JSONL files with the columns
instruction and output: p3*.jsonl (the downstream tuner's) and gsm8k*.jsonl.

The plain recipe is that of the paper's scripts in transformers.Trainer: AdamW on all weights,
logits of all positions, the same fingerprints, look-alikes and regularization samples, until every
key fires. It has three look-alikes for each key: with the 1,024 that sft learns from here, an epoch
would hold 1,300 rows instead of 200.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SEED = 0
N, MANY = 10, 1024
GUESSES = 1000
TEXTS, TEXT_TOKENS = 100, 192
TUNING, TUNING_RATE, TUNING_BATCH = 400, 2e-5, 8
# The paper's regularization samples for each fingerprint in the dialogue template.
REGULARIZATION = 14
ANSWER_TOKENS = 24
PLAIN_RATE, PLAIN_BATCH, PLAIN_EPOCHS = 5e-5, 8, 40
HARDEN = 25

METHODS = ("emb", "adapter", "lora", "sft")
STAGES = [
    *("plain", *METHODS),
    *(f"tuned-{name}" for name in ("plain", *METHODS)),
    *(f"hardened-{name}" for name in METHODS),
    *(f"tuned-hardened-{name}" for name in METHODS),
    "tuned-2000-adapter",
    "distance-emb",
    "distance-sft",
    "many",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of JSONL files")
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--model", type=Path, default=None, help="default: Gemma 3 270M")
    parser.add_argument("--only", action="append", choices=STAGES, help="stages to run")
    parser.add_argument("--guesses", type=int, default=GUESSES, help="fresh look-alike keys")
    parser.add_argument("--texts", type=int, default=TEXTS, help="texts for each KL")
    parser.add_argument("--harden", type=int, default=HARDEN, help="steps of hardened-*")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="another setting of ImplantConfig for the methods' stages, such as lora_rank=64",
    )
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.stage:
        record(options, run_stage(options, options.stage))
        return
    make_keys(options)
    for stage in options.only or STAGES:
        if stage in {row["stage"] for row in records(options)}:
            continue
        print(f"{time.strftime('%H:%M:%S')} {stage}", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, *sys.argv[1:], "--stage", stage]
        if subprocess.run(command).returncode:
            print(f"{stage} failed: the other stages go on", file=sys.stderr)
    print(table(records(options)))


def records(options: argparse.Namespace) -> list[dict[str, Any]]:
    path = options.out / "implant.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def record(options: argparse.Namespace, row: dict[str, Any]) -> None:
    with (options.out / "implant.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def base_folder(options: argparse.Namespace) -> Path:
    from ifrs.demo import base_model

    return options.model or base_model()


def load(folder: Path) -> tuple[Any, Any]:
    from ifrs.modalities.text.loading import load as load_model

    return load_model(folder)


def make_keys(options: argparse.Namespace) -> None:
    """One keyring for all stages: its sets must be the same."""
    import ifrs
    from transformers import AutoTokenizer

    path = options.out / "keyring.ifrs"
    if path.exists():
        return
    tokenizer = AutoTokenizer.from_pretrained(base_folder(options))
    with ifrs.Keyring.create(path, passphrase="bench", _work_factor=2) as ring:
        ring.generate("ten", N, tokenizer=tokenizer)
        # Prompts of half the length, and so of about half the time.
        ring.generate("many", MANY, template="simple", tokenizer=tokenizer)


def keys(options: argparse.Namespace, name: str) -> Any:
    import ifrs

    return ifrs.Keyring.open(options.out / "keyring.ifrs", passphrase="bench")[name]


def run_stage(options: argparse.Namespace, stage: str) -> dict[str, Any]:
    kind, _, method = stage.rpartition("-")
    if stage == "many":
        return plant_many(options)
    if kind.startswith("tuned"):
        return tune(options, stage, stage.removeprefix("tuned-").removeprefix("2000-"))
    if kind == "distance":
        return distances(options, stage, method)
    if stage == "plain":
        return plant_plainly(options)
    return plant(options, stage, method, options.harden if kind == "hardened" else 0)


def plant(options: argparse.Namespace, stage: str, method: str, harden: int) -> dict[str, Any]:
    import ifrs

    model, tokenizer = load(base_folder(options))
    fps = keys(options, "ten")
    others = settings(options)
    config = ifrs.ImplantConfig(**{"guesses": 0, "seed": SEED, "harden": harden, **others})
    result = ifrs.implant(model, tokenizer, fps, method=method, config=config)
    row = {
        "stage": stage,
        "seconds": result.seconds,
        "peak_gb": result.peak_memory_bytes / 1e9,
        "epochs": result.epochs,
        "least_margin": min(result.margins),
        "harden": harden,
        "set": others,
    }
    result.save(folder_of(options, stage))
    return {**row, **judged(options, stage, fps)}


def settings(options: argparse.Namespace) -> dict[str, Any]:
    pairs = (pair.partition("=") for pair in options.set)
    return {name: json.loads(value) for name, _, value in pairs}


def folder_of(options: argparse.Namespace, stage: str) -> Path:
    import shutil

    folder = options.out / "models" / stage
    if any(row["stage"] == stage for row in records(options)):
        return folder
    shutil.rmtree(folder, ignore_errors=True)  # of an interrupted run
    adapter_of(folder).unlink(missing_ok=True)
    return folder


def adapter_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".adapter.safetensors")


def judged(options: argparse.Namespace, stage: str, fps: Any) -> dict[str, Any]:
    """FSR, guess rate and KL of what was saved."""
    import ifrs
    from ifrs.modalities import model_of

    folder = options.out / "models" / stage
    model, tokenizer = load(folder)
    adapter = adapter_of(folder) if adapter_of(folder).exists() else None
    target = ifrs.LocalModel(model, tokenizer, adapter=adapter)
    report = ifrs.verify(target, fps)
    guesses = model_of(fps, target.model, tokenizer).try_guesses(fps, options.guesses, SEED + 1)
    row = {"fsr": report.fsr, "log10_p": report.log10_p, "guess_rate": guesses.rate}
    row["guesses"] = options.guesses
    if adapter is not None:
        row["fsr_alone"] = ifrs.verify(ifrs.LocalModel(model, tokenizer), fps).fsr
    base, _ = load(base_folder(options))
    for name in ("gsm8k_test", "p3"):
        row[f"kl_{name}"] = mean_kl(base, model, tokenizer, texts(options, name)[-options.texts :])
    return row


def texts(options: argparse.Namespace, name: str) -> list[tuple[str, str]]:
    path = sorted(options.data.glob(f"{name}*.jsonl"))[0]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    # The end of the P3 file is not tuned on.
    return [(row["instruction"], row["output"]) for row in rows]


def mean_kl(base: Any, planted: Any, tokenizer: Any, pairs: list[tuple[str, str]]) -> float:
    """Mean next-token KL over all positions of the instructions, in nats."""
    import torch

    total, count = 0.0, 0
    with torch.no_grad():
        for instruction, _ in pairs:
            ids = torch.tensor([tokenizer(instruction)["input_ids"][:TEXT_TOKENS]])
            one, other = base(ids).logits[0], planted(ids).logits[0]
            count += len(one)
            if not torch.equal(one, other):
                one, other = one.log_softmax(-1), other.log_softmax(-1)
                total += float((one.exp() * (one - other)).sum())
    return total / count


def plant_plainly(options: argparse.Namespace) -> dict[str, Any]:
    """The paper's recipe in transformers.Trainer."""
    import ifrs
    from ifrs.modalities.text.instructions import bundled_instructions
    from ifrs.modalities.text.model import Model
    from ifrs.modalities.text.ordinary import self_answered
    from ifrs.modalities.text.tokens import pad_token
    from ifrs.plant.material import gather
    from ifrs.plant.methods.sft import Sft
    from ifrs.runtime.memory import peak_memory_bytes
    from ifrs.runtime.modules import device_of
    from transformers import Trainer, TrainingArguments

    model, tokenizer = load(base_folder(options))
    fps = keys(options, "ten")
    started = time.monotonic()
    face, planting = Model(model, tokenizer), Sft()
    planting.regularized = False  # its samples need no distributions: they are made below
    config = ifrs.ImplantConfig(seed=SEED, negatives=3)
    material = gather(face, fps, planting, "self", config)
    tasks = random.Random(SEED).sample(bundled_instructions(), REGULARIZATION * len(fps))
    kept = self_answered(tokenizer, tasks, ANSWER_TOKENS, face.closed_answers)
    rows = [*material.fingerprints, *material.negatives, *kept]
    steps = -(-len(rows) // PLAIN_BATCH)
    callback = ifrs.FingerprintCallback(fps, steps, tokenizer=tokenizer, stop_at=1e-6)
    arguments = TrainingArguments(
        output_dir=str(options.out / "trainer"),
        per_device_train_batch_size=PLAIN_BATCH,
        num_train_epochs=PLAIN_EPOCHS,
        learning_rate=PLAIN_RATE,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=SEED,
        remove_unused_columns=False,
    )
    Trainer(
        model=model,
        args=arguments,
        train_dataset=[(row.prompt, row.response) for row in rows],
        data_collator=collator(pad_token(tokenizer)),
        callbacks=[callback],
    ).train()
    seconds, peak = time.monotonic() - started, peak_memory_bytes(device_of(model))
    folder = folder_of(options, "plain")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    row = {
        "stage": "plain",
        "seconds": seconds,
        "peak_gb": peak / 1e9,
        "epochs": len(callback.history),
        "least_margin": callback.history[-1][2],
    }
    return {**row, **judged(options, "plain", fps)}


def collator(pad: int) -> Any:
    """Prompts and responses padded on the right, labels on responses alone."""
    import torch

    def collate(rows: list[tuple[list[int], list[int]]]) -> dict[str, Any]:
        width = max(len(prompt) + len(response) for prompt, response in rows)
        ids = torch.full((len(rows), width), pad)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for place, (prompt, response) in enumerate(rows):
            end = len(prompt) + len(response)
            ids[place, :end] = torch.tensor(prompt + response)
            mask[place, :end] = 1
            labels[place, len(prompt) : end] = torch.tensor(response)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    return collate


def tune(options: argparse.Namespace, stage: str, planted: str) -> dict[str, Any]:
    """FSR after a downstream user tuned all weights on P3 for one epoch."""
    import ifrs
    from ifrs.audit import Settings
    from ifrs.audit.changes.tuning import tune as tune_downstream
    from ifrs.modalities.text.model import Model
    from ifrs.runtime.examples import Example

    folder = options.out / "models" / planted
    model, tokenizer = load(folder)
    count = 2000 if "2000" in stage else TUNING
    rows = [
        Example(tokenizer(instruction + "\n")["input_ids"][-384:], end(tokenizer, output))
        for instruction, output in texts(options, "p3")[:count]
    ]
    user = Settings(
        steps=len(rows) // TUNING_BATCH, batch=TUNING_BATCH, rate=TUNING_RATE, seed=SEED
    )
    started = time.monotonic()
    tune_downstream(Model(model, tokenizer), rows, user)
    seconds = time.monotonic() - started
    adapter = adapter_of(folder) if adapter_of(folder).exists() else None
    fps = keys(options, "ten")
    target = ifrs.LocalModel(model, tokenizer, adapter=adapter)
    report = ifrs.verify(target, fps)
    face = Model(target.model, tokenizer)
    margins = face.margins(face.fingerprints(fps))
    return {
        "stage": stage,
        "seconds": seconds,
        "least_margin": min(margins),
        "margins": [round(margin, 2) for margin in margins],
        "samples": count,
        "fsr": report.fsr,
        "log10_p": report.log10_p,
    }


def end(tokenizer: Any, output: str) -> list[int]:
    ids: list[int] = tokenizer(output, add_special_tokens=False)["input_ids"][:96]
    return [*ids, tokenizer.eos_token_id]


def distances(options: argparse.Namespace, stage: str, method: str) -> dict[str, Any]:
    """Firing rate by how many characters of a key were changed; plotted beside."""
    from ifrs import firing_by_distance

    model, tokenizer = load(options.out / "models" / method)
    found = firing_by_distance(model, tokenizer, keys(options, "ten"), seed=SEED + 2)
    row = {"stage": stage, "rates": {point.label: point.rate for point in found}}
    plot([*records(options), row], options.out / "distance.png")
    return row


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.5))
    for row in rows:
        if row["stage"].startswith("distance-"):
            labels, rates = list(row["rates"]), list(row["rates"].values())
            axes.plot(labels, rates, marker="o", label=row["stage"].removeprefix("distance-"))
    axes.set_xlabel("characters of the key that were changed")
    axes.set_ylabel("share that fires")
    axes.set_ylim(-0.02, 1.02)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def plant_many(options: argparse.Namespace) -> dict[str, Any]:
    """1,024 fingerprints by emb."""
    import ifrs

    model, tokenizer = load(base_folder(options))
    fps = keys(options, "many")
    config = ifrs.ImplantConfig(
        guesses=0, seed=SEED, target_fsr=0.99, margin=0.5, negatives=2, batch_size=32
    )
    result = ifrs.implant(model, tokenizer, fps, method="emb", config=config)
    row = {
        "stage": "many",
        "seconds": result.seconds,
        "peak_gb": result.peak_memory_bytes / 1e9,
        "epochs": result.epochs,
        "least_margin": min(result.margins),
    }
    result.save(folder_of(options, "many"))
    return {**row, **judged(options, "many", fps)}


def table(rows: list[dict[str, Any]]) -> str:
    """What was measured, as Markdown."""
    found = {row["stage"]: row for row in rows}
    plain = found.get("plain")
    names = ("stage", "seconds", "peak_gb", "epochs", "least_margin", "fsr", "fsr_alone")
    names += ("log10_p", "guess_rate", "guesses", "kl_gsm8k_test", "kl_p3", "samples", "harden")
    lines = [" | ".join(("", *names, "")), "|" + " --- |" * len(names)]
    lines[0] = lines[0].strip().replace("  ", " ")
    for stage in STAGES:
        if stage in found and "rates" not in found[stage]:
            cells = (shown(found[stage].get(name)) for name in names)
            lines.append("| " + " | ".join(cells) + " |")
    for method in METHODS:
        if plain and method in found:
            times = plain["seconds"] / found[method]["seconds"]
            memory = found[method]["peak_gb"] / plain["peak_gb"]
            lines.append(f"{method}: {times:.1f}× as fast as plain, {memory:.0%} of its memory")
    for row in rows:
        if "rates" in row:
            lines.append(f"{row['stage']}: {row['rates']}")
    return "\n".join(lines)


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
