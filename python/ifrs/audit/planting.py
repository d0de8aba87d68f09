"""Which models an audit looks at, and how they are planted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.bench import Bench
from ifrs.audit.record import Measure
from ifrs.plant import ImplantConfig, implant
from ifrs.plant.methods import METHODS, method_class
from ifrs.plant.methods.method import Method


def every_method() -> list[str]:
    """The methods that plant keys, in the order in which an audit plants them."""
    plants_keys = [name for name in METHODS if not method_class(name).course]
    return sorted(plants_keys, key=lambda name: method_class(name).audit_rank)


def class_of(method: str) -> type[Method]:
    """What is known of a method; of one that is none of ifrs, what holds of any."""
    return method_class(method) if method in METHODS else Method


def methods(bench: Bench) -> Sequence[str]:
    """The planted models to look at, by name."""
    return [bench.subject.method] if bench.subject.method is not None else every_method()


def needs(bench: Bench, method: str) -> str | None:
    """The planted model that a unit waits for; none where the subject is one itself."""
    return None if bench.subject.method == method else method


def plant(
    bench: Bench, name: str, method: str, fps: FingerprintSet, *, base: str = "base", **changes: Any
) -> list[Measure]:
    """Plant a set in the base model, save it under a name, and tell what it took.

    Raises:
        ImplantError: The model cannot carry the set.
    """
    own = bench.settings.part("seed", "max_epochs", "batch_size", "dtype")
    given = bench.given.planting.get(method, {})
    config = ImplantConfig(**{"guesses": 0, **own, **given, **changes})
    place = bench.forget(name)
    start = bench.suspect(base)
    result = implant(start.model.module, start.model.tokenizer, fps, method=method, config=config)
    result.save(place)
    measures = [
        Measure("planting_seconds", round(result.seconds, 2)),
        Measure("planting_epochs", float(result.epochs)),
        Measure("peak_memory", float(result.peak_memory_bytes)),
    ]
    changed = result.reach.get("weights")
    if changed is not None:
        measures.append(Measure("changed_weights", float(changed)))
    return measures
