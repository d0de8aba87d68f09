"""Persistence: what a fingerprint is after a downstream user's own training, along its steps."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ifrs.audit import attacks
from ifrs.audit.bench import Bench
from ifrs.audit.changes.tuning import LORA_STEP_SECONDS, STEP_SECONDS, marks, tune, tuning_examples
from ifrs.audit.data import Source
from ifrs.audit.planting import class_of, methods, needs
from ifrs.audit.record import Measure
from ifrs.audit.settings import Settings
from ifrs.audit.threats import threat_of
from ifrs.audit.unit import Found, Unit, skipped
from ifrs.progress import progress

SUITE = "persistence"
# Sources of instruction data that are tuned on, the largest first.
_MOST_SOURCES = 2


def units(bench: Bench) -> list[Unit]:
    """Full tuning on up to two sources and LoRA on the first, for each method.

    Only the first full tuning takes all steps: the others show other data or another way of tuning.
    """
    if bench.subject.spends_keys:
        why = "a server's weights cannot be tuned: audit the folder"
        return [skipped(SUITE, "full", method, why) for method in methods(bench)]
    sources: list[Source | None] = [*bench.data.tuning[:_MOST_SOURCES]]
    found = []
    for place, method in enumerate(methods(bench)):
        rank = 4 + 10 * place
        for number, source in enumerate(sources or [None]):
            steps = bench.settings.steps // (1 + number)
            found.append(_unit(bench, method, source, False, rank + 5 * number, steps))
        first = (sources or [None])[0]
        found.append(_unit(bench, method, first, True, rank + 3, bench.settings.steps // 2))
        found += [attack.unit(bench, method, rank) for attack in attacks.of(SUITE)]
    return found


def _unit(
    bench: Bench, method: str, source: Source | None, lora: bool, rank: int, steps: int
) -> Unit:
    settings = replace(bench.settings, steps=max(1, steps))
    inputs = settings.part("steps", "batch", "length", "readings", "seed", "decoys", "dtype")
    inputs["rate"] = settings.lora_rate if lora else settings.rate
    inputs["data"] = bench.data.digest(source)
    what = source.name if source else "bundled"
    case = f"lora:{what}" if lora else f"full:{what}"
    # Measuring a model with an adapter join it to the publisher's transformer first.
    readings = settings.readings * (12 if class_of(method).private else 7)
    seconds = 10 + (LORA_STEP_SECONDS if lora else STEP_SECONDS) * settings.steps + readings
    run = partial(_tuned, method, source, lora, settings)
    wanted, threat = needs(bench, method), threat_of(case)
    return Unit(SUITE, case, method, run, seconds, inputs, wanted, rank=rank, threat=threat)


def _tuned(
    method: str, source: Source | None, lora: bool, settings: Settings, bench: Bench
) -> Found:
    bench.release()
    suspect = bench.suspect(method)
    examples = tuning_examples(suspect.model, source, settings)
    measures = bench.measure(suspect, step=0)
    with progress("tuning", settings.steps) as (advance, _):
        last = 0

        def report(step: int, loss: float) -> None:
            nonlocal last
            measures.append(Measure("loss", loss, step=step))
            measures.extend(bench.measure(suspect, step=step))
            advance(step - last)
            last = step

        tune(suspect.model, examples, settings, lora=lora, report=report, at=marks(settings))
    note = None if source else "tuned on the model's own sampled answers to bundled instructions"
    return Found(measures, note)
