"""Plan, skip what is there, run the rest, store each unit as it ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.attempt import run_unit
from ifrs.audit.bench import SIBLING, Bench
from ifrs.audit.cluster import Cluster, Workers
from ifrs.audit.data import Data
from ifrs.audit.planting import class_of
from ifrs.audit.record import DONE, FAILED, SKIPPED, Record
from ifrs.audit.settings import Given, Settings
from ifrs.audit.store import Store, write_tables
from ifrs.audit.subject import Folder, Subject, folder
from ifrs.audit.suites import SUITES
from ifrs.audit.turns import Turns, makes, waits_for
from ifrs.audit.unit import Unit
from ifrs.plant.methods.adapter import Adapter
from ifrs.plant.methods.lora import Lora
from ifrs.plant.methods.method import Method
from ifrs.plant.methods.sft import Sft

# A quarter of an hour, less what `make` needs to set up, load and write.
QUICK_SECONDS = 12 * 60.0

Say = Callable[[str], None]


@dataclass
class Audit:
    """What an audit found.

    Attributes:
        out: The folder with `audit.json`, `audit.parquet`, `audit.html` and plots.
        records: One for each unit that was run, skipped or failed, now or before.
        left: Names of units that the budget had no room for.
    """

    out: Path
    records: list[Record] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def get(self, suite: str, case: str, method: str) -> Record | None:
        """One record by its name."""
        name = f"{suite}/{case}/{method}"
        return next((record for record in self.records if record.name == name), None)


def audit(
    subject: Subject | str | os.PathLike[str],
    fps: FingerprintSet,
    out: str | os.PathLike[str],
    *,
    suites: Iterable[str] | str | None = None,
    methods: Iterable[str] | None = None,
    data: Iterable[str | os.PathLike[str]] = (),
    settings: Settings | None = None,
    quick: bool = False,
    budget: float | None = None,
    retry: bool = False,
    ring: Any = None,
    tasks: Sequence[str] = (),
    task_files: str | None = None,
    unrelated: Sequence[str | os.PathLike[str]] = (),
    planting: Mapping[str, Mapping[str, Any]] | None = None,
    cluster: Cluster | None = None,
    say: Say = lambda line: None,
) -> Audit:
    """Audit a model, unit by unit; a second call resumes.

    Args:
        subject: A model folder, base or fingerprinted, or a `Folder` or `Server`.
        fps: The fingerprint set.
        out: Where everything is written; records of other runs with the same inputs are kept.
        suites: Which suites; None for all.
        methods: Which methods of planting; None for all.
        data: Files and folders with instruction data and multiple-choice items.
        settings: Sizes and seeds; None for the full ones, or small ones with `quick`.
        quick: A quarter of an hour's worth of units, the most telling ones first.
        budget: Seconds of work, if not all of it.
        retry: Run units again that failed.
        ring: The open keyring of the set: keys sent to a server are recorded as spent in it.
        tasks: Tasks of lm-eval.
        task_files: A folder of the user's own task files for lm-eval.
        unrelated: Folders of models that have nothing to do with the subject.
        planting: Settings of `ImplantConfig` by method, such as `{"emb": {"margin": 6.0}}`.
        cluster: Where units run at the same time: `Cluster.of(fps)`. None for this process, one
            after the other. A server is asked from here in either case.
        say: Takes a line for each unit done.

    Raises:
        TargetError: There is no model, or no cluster.
        ValueError: There is no such suite, or the set is of a kind that no audit measures.
        FileNotFoundError: There is no such data.
    """
    seen = subject if not isinstance(subject, (str, os.PathLike)) else folder(subject)
    _require_measurable(seen, fps)
    given = Given(
        data=Data(data),
        settings=settings or (Settings.quick() if quick else Settings()),
        ring=ring,
        tasks=tasks,
        task_files=task_files,
        unrelated=[Path(place).absolute() for place in unrelated],  # units hold them
        planting={name: dict(values) for name, values in (planting or {}).items()},
    )
    budget = budget or (QUICK_SECONDS if quick else None)
    apart = cluster if cluster is not None and not seen.spends_keys else None
    with nullcontext() if apart is None else apart.workers() as workers:
        bench = Bench(seen, fps, Path(out), given)
        store = Store(bench.out)
        units = plan(bench, suites, methods)
        try:
            records, left = _run(bench, store, units, budget, retry, say, workers)
        finally:
            # What was found stands in the tables, however the run ended.
            _publish(bench, store, units)
    return Audit(bench.out, records, left)


def _require_measurable(subject: Subject, fps: FingerprintSet) -> None:
    """Refuse at once what every unit would fail at."""
    if fps.media != "text/plain":
        raise ValueError(
            f"an audit measures language models, and the keys of {fps.name!r} are {fps.media}"
        )
    if fps.is_signal and isinstance(subject, Folder) and subject.method is None:
        raise ValueError(
            f"{fps.name!r} is a signal, which no audit plants: plant it by ifrs implant --method "
            "domain, and audit the release"
        )


def plan(
    bench: Bench, suites: Iterable[str] | str | None = None, methods: Iterable[str] | None = None
) -> list[Unit]:
    """Units in the order they run, with the plantings that they wait for.

    Without names of suites and methods, those that say of one method what they said of another are
    left out: see `_KEPT`.

    Raises:
        ValueError: There is no such suite.
    """
    wanted = list(SUITES) if suites is None else [suites] if isinstance(suites, str) else [*suites]
    unknown = [name for name in wanted if name not in SUITES]
    if unknown:
        raise ValueError(f"there is no suite {unknown[0]!r}: choose among {', '.join(SUITES)}")
    every = {name: make(bench) for name, make in SUITES.items()}
    units = [unit for name in SUITES if name in wanted for unit in every[name]]
    if methods is not None:
        kept = {*methods, "base"}
        units = [unit for unit in units if unit.method in kept]
    elif suites is None and bench.subject.method is None:
        units = [unit for unit in units if _is_in_a_whole_audit(unit)]
    have = {unit.name for unit in units}
    missing = [
        unit
        for unit in (*every["effectiveness"], *every["deployment"])
        if unit.name not in have and _is_awaited(unit, units)
    ]
    return sorted([*missing, *units], key=_order)


def _is_in_a_whole_audit(unit: Unit) -> bool:
    kept = _KEPT.get(class_of(unit.method), {}).get(unit.suite)
    return unit.suite != "variants" and (kept is None or unit.case.startswith(kept))


_GUESSES = ("guess-look-alikes", "guess-parts", "guess-sources")
# What an audit of all methods runs, unless a suite or method is asked for by name: by method and
# suite, how the names of cases begin; all cases where nothing stands here.
# Lora changes the layers that Sft changes, and Adapter lives in the rows that Emb lives in. All
# four are planted, guessed, tuned downstream and compared on ordinary work. Of changes and attacks
# that meet both of a pair alike, the second is measured where an expectation names it, or where it
# has something of its own to lose. Variants of making and planting keys are a study of their own.
_KEPT: dict[type[Method], dict[str, tuple[str, ...]]] = {
    Lora: {
        "deployment": ("int", "prune-magnitude-20", "prune-wanda-20", "merge-linear", "prompts"),
        "attacks": (*_GUESSES, "rows-unseen-reset"),
        "persistence": ("full",),
    },
    Adapter: {
        "deployment": ("int8", "int4", "merge-linear", "prompts"),
        # Its published rows are all that a suspect can give away: putting them back ends it.
        "attacks": (*_GUESSES, "rows-unseen-reset", "rows-base-reset", "overclaim"),
        "persistence": ("full",),
    },
    # It leaves the rows as they are; and what an attacker plants over it leaves it as it was.
    Sft: {
        "attacks": (
            *_GUESSES,
            "rows-unseen-reset",
            "suppress",
            "output-filter",
            "overclaim",
            "erase-mismatched",
            "vocabulary",
            "tokenizer",
            "review",
            "ensemble",
            "abliterate-look-alikes",
            "distil",
        ),
        "deployment": (
            *("int8", "int4", "prune-magnitude-20", "prune-wanda", "gguf", "prompts", "sampling"),
            *("merge-linear", "merge-task", "merge-dare"),
        ),
        "persistence": ("full",),
        "baselines": ("if-sft-paper",),
    },
}


def _is_awaited(unit: Unit, units: Sequence[Unit]) -> bool:
    made = makes(unit)
    return any(made in waits_for(other) and other.skip is None for other in units)


def _order(unit: Unit) -> tuple[bool, bool, int]:
    """Plantings first, then what others wait for, then the most telling."""
    return unit.case != "plant", unit.case != SIBLING, unit.rank


def _run(
    bench: Bench,
    store: Store,
    units: list[Unit],
    budget: float | None,
    retry: bool,
    say: Say,
    workers: Workers | None,
) -> tuple[list[Record], list[str]]:
    records, open_units = _stored(bench, store, units, retry)
    if records:
        say(f"{len(records)} of {len(units)} units are there already")
    turns = Turns(bench, open_units, budget, 1 if workers is None else workers.slots())
    here = _here(bench, turns) if workers is None else workers.records(bench, turns)
    for place, record in enumerate(here, 1):
        store.put(record)
        records.append(record)
        say(_line(record, place, place + turns.open, turns.rest))
    left = turns.left
    if left:
        say(f"left for a run with more time: {len(left)} units ({', '.join(left[:4])} …)")
    return records, left


def _here(bench: Bench, turns: Turns) -> Iterator[Record]:
    """Records of units in this process, one after the other."""
    while (unit := turns.take()) is not None:
        record = run_unit(bench, unit)
        turns.ended(unit, record)
        yield record


def _stored(
    bench: Bench, store: Store, units: list[Unit], retry: bool
) -> tuple[list[Record], list[Unit]]:
    """What is there already, and what is still to be done."""
    records, rest = [], []
    for unit in units:
        record = store.get(unit.digest(bench.digest))
        good = record is not None and (record.status == DONE or (_failed(record) and not retry))
        # A planted model that was deleted since has to be planted again.
        made = makes(unit)
        if record is None or not good or (made and record.status == DONE and not bench.has(made)):
            rest.append(unit)
        else:
            records.append(record)
    return records, rest


def _failed(record: Record) -> bool:
    return record.status == FAILED


def _line(record: Record, place: int, of: int, rest: float) -> str:
    what = {DONE: _headline(record), SKIPPED: f"skipped: {record.reason}"}
    text = what.get(record.status, f"failed: {record.reason}")
    left = f", about {rest / 60:.0f} min left" if rest >= 60 else ""
    return f"[{place}/{of}{left}] {record.name}: {text} ({record.seconds:.0f} s)"


def _headline(record: Record) -> str:
    parts = []
    for metric, label, style in _HEADLINES:
        own = [m for m in record.measures if m.metric == metric and m.value is not None]
        found = [m.value for m in own if m.task is None] or [m.value for m in own]
        if found:
            parts.append(f"{label} {found[-1]:{style}}")
    return ", ".join(parts[:4]) or "done"


_HEADLINES = (
    ("fsr", "FSR", ".0%"),
    ("log10_p_likelihood", "log10 p", ".1f"),
    ("log10_p_text", "log10 p (text)", ".1f"),
    ("guess_rate", "guessed", ".1%"),
    ("accuracy_difference", "accuracy", "+.2%"),
    ("false_matches", "false matches", ".0%"),
    ("kl", "KL", ".2g"),
)


def _publish(bench: Bench, store: Store, units: list[Unit]) -> None:
    """Tables, plots and the page, of everything measured of this subject with these settings."""
    from ifrs.audit.results.page import write_page

    mine = {unit.digest(bench.digest) for unit in plan(bench, SUITES)}
    found = [record for record in store.records() if record.digest in mine]
    write_tables(bench.out, found)
    facts = {
        "name": bench.subject.describe()["name"],
        "subject": bench.subject.title,
        "keys": len(bench.fps),
        "source": bench.fps.source,
        "template": bench.fps.template,
        "response": bench.fps.response,
        "planned": len({unit.digest(bench.digest) for unit in units} | {r.digest for r in found}),
    }
    write_page(bench.out, found, facts)


__all__ = ["Audit", "Folder", "audit", "plan", "run_unit"]
