"""What each hardening buys: Gemma 3 270M planted with and without, and what others then do to it.

    python benches/hardening.py --data DIR [--out DIR] [--method emb] [--harden robust] [--seed 0]

Every change is what the audit does (python/ifrs/audit). A row is one planting: seconds, KL on P3,
and for each change the share of keys whose response stands in the answer, log10 p from text alone,
and from likelihoods. Rows are appended to OUT/implant.jsonl; a change found there is not measured
again, so an interrupted bench goes on.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from implant import base_folder, load, mean_kl, record, records, texts

TUNING = 400
CALIBRATION = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of JSONL files")
    parser.add_argument("--out", type=Path, default=Path("bench-hardening"))
    parser.add_argument("--model", type=Path, default=None, help="default: Gemma 3 270M")
    parser.add_argument("--method", default="emb")
    parser.add_argument("--harden", default="", help="names with commas, or a number of steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    parser.add_argument("--only", action="append", help="changes to measure")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    planted = plant(options)
    for name, change in changes(options):
        case = f"{planted.name}/{name}"
        if options.only and name not in options.only:
            continue
        if case in {row["stage"] for row in records(options)}:
            continue
        row = {"stage": case, **asked(options, planted, change)}
        record(options, row)
        print(json.dumps(row), flush=True)


def fingerprints(options: argparse.Namespace) -> Any:
    import ifrs
    from transformers import AutoTokenizer

    path = options.out / f"keyring-{options.seed}.ifrs"
    name = f"set-{options.n}"
    if not path.exists():
        ifrs.Keyring.create(path, passphrase="bench", _work_factor=2).close()
    ring = ifrs.Keyring.open(path, passphrase="bench")
    if name not in ring:
        tokenizer = AutoTokenizer.from_pretrained(base_folder(options))
        return ring.generate(name, options.n, tokenizer=tokenizer)
    return ring[name]


def plant(options: argparse.Namespace) -> Path:
    import ifrs

    words = (options.method, options.harden, *options.set)
    name = "-".join([*filter(None, words), str(options.seed)])
    folder = options.out / "models" / name.replace("/", "_")
    if folder.exists():
        return folder
    model, tokenizer = load(base_folder(options))
    names = options.harden.split(",")
    harden: Any = int(options.harden or 0) if options.harden.isdecimal() else names
    given = {k: json.loads(v) for k, _, v in (pair.partition("=") for pair in options.set)}
    config = ifrs.ImplantConfig(
        **{"guesses": 200, "seed": options.seed, "harden": harden if options.harden else 0, **given}
    )
    fps = fingerprints(options)
    result = ifrs.implant(model, tokenizer, fps, method=options.method, config=config)
    result.save(folder)
    base, _ = load(base_folder(options))
    row = {
        "stage": f"{folder.name}/planted",
        "seconds": result.seconds,
        "epochs": result.epochs,
        "peak_gb": result.peak_memory_bytes / 1e9,
        "fsr": result.fsr,
        "guess_rate": result.guess_rate,
        "changed_fsr": result.changed_fsr,
        "least_margin": min(result.margins),
        "kl_p3": mean_kl(base, result.model, tokenizer, texts(options, "p3")[-60:]),
    }
    record(options, row)
    print(json.dumps(row), flush=True)
    return folder


def asked(
    options: argparse.Namespace, folder: Path, change: Callable[[Any], Any]
) -> dict[str, Any]:
    import ifrs
    from ifrs.audit.measures.fingerprints import verified
    from ifrs.modalities.text.model import Model

    model, tokenizer = load(folder)
    face = Model(model, tokenizer)
    hosted = change(face)
    target = ifrs.LocalModel(face.module, tokenizer)
    found = verified(hosted(target) if hosted else target, fingerprints(options))
    return {measure.metric: measure.value for measure in found}


def changes(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Each gets a planted model, and changes it or says what stands before it."""
    from ifrs.audit.changes.hosts import Hosted
    from ifrs.audit.changes.pruning import prune_magnitude, prune_wanda
    from ifrs.audit.changes.quantization import round_weights
    from ifrs.audit.measures.divergence import token_texts
    from ifrs.modalities.text.surroundings import wordings

    def calibration(face: Any) -> Any:
        return token_texts(face, [one for one, _ in texts(options, "gsm8k")[:CALIBRATION]], 160)

    yield "as saved", lambda face: None
    yield "merge-0.5-base", lambda face: merge(options, face, tuned=False)
    yield "merge-0.5-tuned", lambda face: merge(options, face, tuned=True)
    yield "erase", lambda face: erase(options, face)
    yield "wanda-50", lambda face: prune_wanda(face.module, 0.5, calibration(face))
    yield "magnitude-20", lambda face: prune_magnitude(face.module, 0.2)
    yield "int4", lambda face: round_weights(face.module, 4, 32)
    yield "tuned-p3", lambda face: tune_on(options, face, "p3")
    _, tokenizer = load(base_folder(options))
    for name, wording in wordings(tokenizer).items():
        yield name, lambda face, w=wording: lambda target: Hosted(target, wording=w)


def tune_on(options: argparse.Namespace, face: Any, name: str) -> None:
    from ifrs.audit.changes.tuning import encoded, tune
    from ifrs.audit.settings import Settings
    from ifrs.modalities.text.surroundings import as_prompt

    pairs = random.Random(options.seed).sample(texts(options, name), TUNING)
    ready = [(as_prompt(face.tokenizer, question), answer) for question, answer in pairs]
    tune(face, encoded(face.tokenizer, ready, 256), Settings())


def merge(options: argparse.Namespace, face: Any, *, tuned: bool) -> None:
    from ifrs.audit.changes.merging import merge_into, merges

    base = load(base_folder(options))[0].state_dict()
    other = load(sibling(options))[0].state_dict() if tuned else base
    merge_into(face.module, _same(face, other), _same(face, base), merges()["linear-0.5"], 0)


def _same(face: Any, state: dict[str, Any]) -> dict[str, Any]:
    """With the output rows under the name that an untied model has them."""
    tied = next(name for name in state if name.endswith("embed_tokens.weight"))
    return {"lm_head.weight": state[tied], **state}


def sibling(options: argparse.Namespace) -> Path:
    """Another fine-tune of the base, on other data."""
    from ifrs.modalities.text.model import Model

    folder = options.out / "models" / "sibling"
    if not folder.exists():
        model, tokenizer = load(base_folder(options))
        tune_on(options, Model(model, tokenizer), "gsm8k_train")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def erase(options: argparse.Namespace, face: Any) -> None:
    """Mismatched answers to look-alikes, then ordinary work, as the audit's unit."""
    from ifrs.audit.changes.tuning import encoded, tune
    from ifrs.audit.settings import Settings
    from ifrs.modalities.text.lookalikes import tried_keys
    from ifrs.modalities.text.surroundings import as_prompt
    from ifrs.runtime.examples import Example

    settings, fps = Settings(), fingerprints(options)
    rng, half = random.Random(settings.seed), settings.erasing // 2
    pairs = rng.sample(texts(options, "p3"), half)
    ready = [(as_prompt(face.tokenizer, question), answer) for question, answer in pairs]
    clean = encoded(face.tokenizer, ready, settings.length)
    keys = tried_keys(face.tokenizer, fps.source, half, settings.seed + 3)
    prompts = encoded(face.tokenizer, [(fps.render(key), "") for key in keys], settings.length)
    answers = [example.response for example in clean]
    mismatched = [Example(example.prompt, rng.choice(answers)) for example in prompts]
    for examples in (mismatched, clean):
        tune(face, examples, settings, steps=half // settings.batch)


if __name__ == "__main__":
    main()
