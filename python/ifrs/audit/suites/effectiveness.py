"""Effectiveness and efficiency: FSR_pre, seconds and memory, method by method."""

from __future__ import annotations

from functools import partial

from ifrs.audit.bench import Bench
from ifrs.audit.measures.reading import read
from ifrs.audit.planting import class_of, methods, planting
from ifrs.audit.subject import Folder, Server
from ifrs.audit.unit import Found, Unit

SUITE = "effectiveness"
PLANT = "plant"


def units(bench: Bench) -> list[Unit]:
    """Planting by each method, or reading what is planted already; the base model as control."""
    if isinstance(bench.subject, Server):
        decoys = {"decoys": bench.settings.decoys}
        return [Unit(SUITE, "verify", "api", _ask, 30, decoys, rank=0)]
    found = [Unit(SUITE, "verify", "base", _read_base, 8, rank=1)]
    if isinstance(bench.subject, Folder) and bench.subject.method is not None:
        own = bench.subject.method
        return [*found, Unit(SUITE, "verify", own, partial(_read, own), 8, rank=0)]
    # In a quick audit one method looked at from all sides tells more than four planted.
    return found + [_plant(bench, method) for method in methods(bench)]


def _plant(bench: Bench, method: str) -> Unit:
    known = class_of(method)
    settings = {
        name: value
        for name, value in bench.settings.to_json().items()
        if name in ("seed", "max_epochs", "batch_size", "dtype")
    }
    return Unit(
        SUITE,
        PLANT,
        method,
        lambda bench: planting(bench, method, method, bench.fps),
        known.seconds,
        settings,
        rank=known.audit_rank,
    )


def _ask(bench: Bench) -> Found:
    return Found(read(bench.server(), bench.fps, decoys=bench.settings.decoys))


def _read(method: str, bench: Bench) -> Found:
    return Found(bench.read(bench.suspect(method)))


def _read_base(bench: Bench) -> Found:
    """The model before planting: what it shows by chance."""
    return Found(bench.read(bench.load_base()))
