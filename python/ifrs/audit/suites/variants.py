"""Variants, for recommendations: sources, templates, numbers of keys, hardening."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ifrs.audit.bench import Bench
from ifrs.audit.changes.tuning import STEP_SECONDS, tune, tuning_examples
from ifrs.audit.measures.fingerprints import guess_rate
from ifrs.audit.planting import plant
from ifrs.audit.record import Measure
from ifrs.audit.settings import Settings
from ifrs.audit.unit import Found, Unit
from ifrs.modalities.text.lookalikes import tried_keys
from ifrs.plant.methods.emb import Emb
from ifrs.plant.methods.method import Method
from ifrs.plant.methods.sft import Sft

SUITE = "variants"
_GUESSES = 100


@dataclass(frozen=True)
class Variant:
    """Another way to make and plant a set.

    Attributes:
        method: The method of planting.
        what: What is other.
        made: What the set is made with.
        given: Settings of planting.
        longer: How many times as long planting takes.
    """

    method: type[Method]
    what: str
    made: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    longer: float = 1

    @property
    def name(self) -> str:
        """The case's name."""
        return f"{self.method.name}, {self.what}"


_VARIANTS = (
    Variant(Emb, "vocab", made={"source": "vocab"}),
    Variant(Emb, "mixed, simple", made={"template": "simple"}),
    Variant(Emb, "mixed, hardened", given={"harden": 10}, longer=1.8),
    Variant(Sft, "natural", made={"source": "natural"}),
    Variant(Emb, "mixed, n = 32", made={"n": 32}, longer=2.5),
    Variant(Emb, "chinese", made={"source": "chinese"}),
    Variant(Emb, "mixed, margin 6", given={"margin": 6.0}, longer=1.6),
)


def units(bench: Bench) -> list[Unit]:
    """Each variant: planted, guessed, tuned downstream, and read before and after."""
    if bench.subject.method is not None:
        return []
    settings = replace(bench.settings, steps=max(1, bench.settings.steps // 2))
    names = ("seed", "steps", "batch", "rate", "length", "dtype", "decoys", "max_epochs")
    inputs = settings.part(*names)
    inputs["data"] = bench.data.digest(bench.data.first)
    found = []
    for place, variant in enumerate(_VARIANTS):
        method = variant.method
        seconds = variant.longer * method.seconds + STEP_SECONDS * settings.steps + 35
        run = partial(_planted, variant, settings)
        own = {**inputs, **variant.made, **variant.given}
        found.append(Unit(SUITE, variant.name, method.name, run, seconds, own, rank=60 + place))
    return found


def _planted(variant: Variant, settings: Settings, bench: Bench) -> Found:
    options = {"n": 10, **variant.made}
    label = "variant " + " ".join(f"{k} {v}" for k, v in sorted(options.items()))
    fps = bench.stranger(label, options.pop("n"), **options)
    kept = f"variant-{variant.name.replace(', ', '-').replace(' ', '')}"
    try:
        found = plant(bench, kept, variant.method.name, fps, **variant.given)
        suspect = bench.suspect(kept)
    finally:
        bench.forget(kept)
    found += bench.measure(suspect, fps, step=0)
    keys = tried_keys(suspect.model.tokenizer, fps.source, _GUESSES, settings.seed)
    found.append(guess_rate(suspect.target(), fps, keys, fps.source))
    examples = tuning_examples(suspect.model, bench.data.first, settings)
    loss = tune(suspect.model, examples, settings)
    found.append(Measure("loss", loss, step=settings.steps))
    return Found(found + bench.measure(suspect, fps, step=settings.steps), bench.data.note)
