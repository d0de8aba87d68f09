"""Harmlessness: zero-shot accuracy in pairs, KL and perplexity, base against fingerprinted."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from ifrs.audit.bench import Bench
from ifrs.audit.choices import choose, compared
from ifrs.audit.data import Item, Source, foreign_texts
from ifrs.audit.drift import drift, token_texts
from ifrs.audit.harness import compare_tasks
from ifrs.audit.planted import methods, needs
from ifrs.audit.subject import Server
from ifrs.audit.tuning import pad_of
from ifrs.audit.unit import Found, Unit
from ifrs.progress import progress

SUITE = "harmlessness"


def units(bench: Bench) -> list[Unit]:
    """Ordinary text, every multiple-choice file, and every task of lm-eval, for each method."""
    if isinstance(bench.subject, Server):
        why = "harmlessness compares weights with the base model's: audit the folder"
        return [Unit(SUITE, "text", "api", _text_of("api"), 0, skip=why)]
    found = []
    for place, method in enumerate(methods(bench)):
        found.append(_text_unit(bench, method, 3 + 10 * place))
        found += [_choices_unit(bench, method, s, place) for s in bench.data.choices]
        found += [_task_unit(bench, method, task) for task in bench.tasks]
        if not bench.data.choices and not bench.tasks:
            why = "no multiple-choice data: pass a .jsonl of task, question, choices, answer"
            found.append(Unit(SUITE, "choices", method, _text_of(method), 0, skip=why))
    return found


def _text_unit(bench: Bench, method: str, rank: int) -> Unit:
    settings = bench.settings
    inputs: dict[str, Any] = {"texts": settings.texts, "tokens": settings.tokens}
    inputs |= {"seed": settings.seed, "data": bench.data.digest(*bench.data.held_out)}
    seconds = 10 + 0.006 * settings.texts * settings.tokens
    wanted = needs(bench, method)
    return Unit(SUITE, "text", method, _text_of(method), seconds, inputs, wanted, rank=rank)


def _text_of(method: str) -> Any:
    return partial(_text, method)


def _text(method: str, bench: Bench) -> Found:
    """KL and perplexity on ordinary text and on short texts in other languages."""
    base, planted = bench.load_base(), bench.suspect(method)
    settings = bench.settings
    ordinary = token_texts(
        base.tokenizer, bench.data.texts(settings.texts, settings.seed), settings.tokens
    )
    foreign = token_texts(base.tokenizer, foreign_texts(), settings.tokens)
    with progress("comparing", len(ordinary) + len(foreign)) as (advance, _):
        found = drift(base.model, planted.model, ordinary, advance).measures()
        found += drift(base.model, planted.model, foreign, advance).measures("_foreign")
    return Found(found, bench.data.note)


def _choices_unit(bench: Bench, method: str, source: Source, place: int) -> Unit:
    settings = bench.settings
    inputs = {"items": settings.items, "seed": settings.seed, "file": source.digest}
    items = len(chosen_items(source.rows, settings.items, settings.seed))
    return Unit(
        SUITE,
        source.name,
        method,
        partial(_choices, method, source),
        8 + 0.16 * items,
        inputs,
        needs(bench, method),
        rank=14 + 10 * place,
    )


def chosen_items(items: list[Item], count: int, seed: int) -> list[Item]:
    """At most `count` items of each task, the same for every model."""
    rng, found = random.Random(seed), []
    for task in sorted({item.task for item in items}):
        own = [item for item in items if item.task == task]
        found += own if len(own) <= count else rng.sample(own, count)
    return found


def _choices(method: str, source: Source, bench: Bench) -> Found:
    items = chosen_items(source.rows, bench.settings.items, bench.settings.seed)
    name = f"choices-{source.digest}-{bench.settings.items}-{bench.settings.seed}"
    before = bench.facts(name, lambda: {"chosen": _chosen(bench, "base", items)})["chosen"]
    return Found(compared(items, before, _chosen(bench, method, items)))


def _chosen(bench: Bench, name: str, items: list[Item]) -> list[int]:
    suspect = bench.suspect(name)
    with progress("choosing", len(items)) as (advance, _):
        return choose(suspect.model, suspect.tokenizer, items, pad_of(suspect.tokenizer), advance)


def _task_unit(bench: Bench, method: str, task: str) -> Unit:
    inputs = {"items": bench.settings.items, "files": bench.task_files}
    run = partial(_task, method, task)
    seconds = 15 + 0.4 * bench.settings.items
    wanted = needs(bench, method)
    return Unit(SUITE, f"lm-eval:{task}", method, run, seconds, inputs, wanted, rank=30)


def _task(method: str, task: str, bench: Bench) -> Found:
    base, planted = bench.load_base(), bench.suspect(method)
    found = compare_tasks(base, planted, task, bench.settings.items, bench.task_files)
    return Found(found)
