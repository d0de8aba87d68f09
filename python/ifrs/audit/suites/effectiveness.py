"""Effectiveness and efficiency: FSR_pre, seconds and memory, method by method."""

from __future__ import annotations

from functools import partial

from ifrs.audit.bench import Bench
from ifrs.audit.measures.fingerprints import verified
from ifrs.audit.planting import class_of, methods, plant
from ifrs.audit.unit import Found, Unit

SUITE = "effectiveness"
PLANT = "plant"


def units(bench: Bench) -> list[Unit]:
    """Planting by each method, or what is planted already; the base model as control."""
    own = bench.subject.method
    if own is not None and bench.subject.spends_keys:
        decoys = bench.settings.part("decoys")
        return [Unit(SUITE, "verify", own, partial(_asked, own), 30, decoys, rank=0)]
    found = [Unit(SUITE, "verify", "base", partial(_measured, "base"), 8, rank=1)]
    if own is not None:
        return [*found, Unit(SUITE, "verify", own, partial(_measured, own), 8, rank=0)]
    # In a quick audit one method looked at from all sides tells more than four planted.
    return found + [_plant(bench, method) for method in methods(bench)]


def _plant(bench: Bench, method: str) -> Unit:
    known = class_of(method)
    settings = bench.settings.part("seed", "max_epochs", "batch_size", "dtype")
    run, rank = partial(_planted, method), known.audit_rank
    return Unit(SUITE, PLANT, method, run, known.seconds, settings, rank=rank)


def _planted(method: str, bench: Bench) -> Found:
    found = plant(bench, method, method, bench.fps)
    return Found(found + bench.measure(bench.suspect(method)))


def _asked(method: str, bench: Bench) -> Found:
    return Found(verified(bench.target(method), bench.fps, decoys=bench.settings.decoys))


def _measured(name: str, bench: Bench) -> Found:
    """What is planted already; of the base model what it shows by chance."""
    return Found(bench.measure(bench.suspect(name)))
