"""Variants, for recommendations: sources, templates, numbers of keys, hardening."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ifrs.audit.bench import Bench
from ifrs.audit.changes.tuning import STEP_SECONDS, tune, tuning_examples
from ifrs.audit.guesses import in_batches, look_alikes
from ifrs.audit.measures.reading import fired_share, margins, read, share
from ifrs.audit.planting import SECONDS, plant
from ifrs.audit.record import Measure
from ifrs.audit.settings import Settings
from ifrs.audit.subject import Server
from ifrs.audit.unit import Found, Unit
from ifrs.modalities.text.tokens import pad_token

SUITE = "variants"
_GUESSES = 100

# Name: method, what the set is made with, what planting is given, how much longer it takes.
_VARIANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], float]] = {
    "emb, vocab": ("emb", {"source": "vocab"}, {}, 1),
    "emb, mixed, simple": ("emb", {"template": "simple"}, {}, 1),
    "emb, mixed, hardened": ("emb", {}, {"harden": 10}, 1.8),
    "sft, natural": ("sft", {"source": "natural"}, {}, 1),
    "emb, mixed, n = 32": ("emb", {"n": 32}, {}, 2.5),
    "emb, chinese": ("emb", {"source": "chinese"}, {}, 1),
    "emb, mixed, margin 6": ("emb", {}, {"margin": 6.0}, 1.6),
}


def units(bench: Bench) -> list[Unit]:
    """Each variant: planted, guessed, tuned downstream, and read before and after."""
    if isinstance(bench.subject, Server) or bench.subject.method is not None:
        return []
    settings = replace(bench.settings, steps=max(1, bench.settings.steps // 2))
    names = ("seed", "steps", "batch", "rate", "length", "dtype", "decoys", "max_epochs")
    inputs = {name: value for name, value in settings.to_json().items() if name in names}
    inputs["data"] = bench.data.digest(bench.data.first)
    found = []
    for place, (name, (method, made, given, longer)) in enumerate(_VARIANTS.items()):
        seconds = longer * SECONDS[method] + STEP_SECONDS * settings.steps + 35
        run = partial(_variant, name, settings)
        own = {**inputs, **made, **given}
        found.append(Unit(SUITE, name, method, run, seconds, own, rank=60 + place))
    return found


def _variant(name: str, settings: Settings, bench: Bench) -> Found:
    method, made, given, _ = _VARIANTS[name]
    options = {"n": 10, **made}
    label = "variant " + " ".join(f"{k} {v}" for k, v in sorted(options.items()))
    fps = bench.stranger(label, options.pop("n"), **options)
    kept = f"variant-{name.replace(', ', '-').replace(' ', '')}"
    try:
        found = plant(bench, kept, method, fps, **given)
        suspect = bench.suspect(kept)
    finally:
        bench.forget(kept)
    target, tokenizer = suspect.target(), suspect.tokenizer
    decoys = settings.decoys
    found += read(target, fps, decoys=decoys, step=0) + margins(target, fps, step=0)
    keys = look_alikes(tokenizer, fps.source, _GUESSES, settings.seed)
    answers = in_batches(target, [fps.render(key) for key in keys])
    found.append(share("guess_rate", *fired_share(answers, fps), task=fps.source))
    source = bench.data.first
    examples = tuning_examples(bench.data, source, suspect.model, tokenizer, settings)
    losses: list[float] = []
    tune(
        suspect.model,
        examples,
        pad_token(tokenizer),
        settings,
        each=lambda step, loss, model: losses.append(loss),
    )
    last, target = settings.steps, suspect.target()
    found.append(Measure("loss", losses[-1], step=last))
    found += read(target, fps, decoys=decoys, step=last) + margins(target, fps, step=last)
    return Found(found, bench.data.note)
