"""Which models an audit looks at, and how they are planted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.bench import Bench
from ifrs.audit.record import Measure
from ifrs.audit.settings import Settings
from ifrs.audit.subject import Server
from ifrs.audit.unit import Found
from ifrs.plant import ImplantConfig, implant
from ifrs.plant.methods import METHODS, method_class
from ifrs.plant.methods.method import Method


def every_method() -> list[str]:
    """The methods of planting, in the order in which an audit plants them."""
    return sorted(METHODS, key=lambda name: method_class(name).audit_rank)


def class_of(method: str) -> type[Method]:
    """What is known of a method; of one that is none of ifrs, what holds of any."""
    return method_class(method) if method in METHODS else Method


def methods(bench: Bench) -> Sequence[str]:
    """The planted models to look at, by name."""
    if isinstance(bench.subject, Server):
        return ["api"]
    return [bench.subject.method] if bench.subject.method is not None else every_method()


def needs(bench: Bench, method: str) -> str | None:
    """The planted model that a unit waits for; none where the subject is one itself."""
    return None if bench.subject.method == method or method == "api" else method


def config_of(settings: Settings, **changes: Any) -> ImplantConfig:
    """How to plant: the audit's settings, and what a unit changes of them."""
    values = {
        "guesses": 0,
        "seed": settings.seed,
        "max_epochs": settings.max_epochs,
        "batch_size": settings.batch_size,
        "dtype": settings.dtype,
        **changes,
    }
    return ImplantConfig(**values)


def plant(
    bench: Bench, name: str, method: str, fps: FingerprintSet, *, base: str = "base", **changes: Any
) -> list[Measure]:
    """Plant a set in the base model, save it under a name, and tell what it took.

    Raises:
        ImplantError: The model cannot carry the set.
    """
    config = config_of(bench.settings, **{**bench.planting.get(method, {}), **changes})
    place = bench.forget(name)
    start = bench.suspect(base)
    result = implant(start.model, start.tokenizer, fps, method=method, config=config)
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


def planting(bench: Bench, name: str, method: str, fps: FingerprintSet, **changes: Any) -> Found:
    """Plant, reload what was saved, and read it."""
    found = plant(bench, name, method, fps, **changes)
    return Found(found + bench.read(bench.suspect(name)))
