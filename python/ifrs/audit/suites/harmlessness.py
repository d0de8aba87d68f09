"""Harmlessness: zero-shot accuracy in pairs, KL and perplexity, base against fingerprinted."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import torch

from ifrs.audit.bench import Bench
from ifrs.audit.data import Item, Source, foreign_texts
from ifrs.audit.measures.choices import choose, compared, prompt_of
from ifrs.audit.measures.divergence import drift, token_texts
from ifrs.audit.measures.lm_eval import compare_tasks
from ifrs.audit.planting import class_of, methods, needs
from ifrs.audit.unit import Found, Unit, skipped
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import encode_prompts
from ifrs.progress import progress

SUITE = "harmlessness"
# Of items that cannot differ, one in so many is computed all the same.
_SAMPLED = 20


def units(bench: Bench) -> list[Unit]:
    """Ordinary text, every multiple-choice file, and every task of lm-eval, for each method."""
    if bench.subject.spends_keys:
        why = "harmlessness compares weights with the base model's: audit the folder"
        return [skipped(SUITE, "text", method, why) for method in methods(bench)]
    found = []
    for place, method in enumerate(methods(bench)):
        found.append(_text_unit(bench, method, 3 + 10 * place))
        found += [_choices_unit(bench, method, s, place) for s in bench.data.choices]
        found += [_task_unit(bench, method, task) for task in bench.given.tasks]
        if not bench.data.choices and not bench.given.tasks:
            why = "no multiple-choice data: pass a .jsonl of task, question, choices, answer"
            found.append(skipped(SUITE, "choices", method, why))
    return found


def _text_unit(bench: Bench, method: str, rank: int) -> Unit:
    settings = bench.settings
    inputs = settings.part("texts", "tokens", "seed")
    inputs["data"] = bench.data.digest(*bench.data.held_out)
    seconds = 10 + 0.017 * settings.texts * settings.tokens
    run, wanted = partial(_text, method), needs(bench, method)
    return Unit(SUITE, "text", method, run, seconds, inputs, wanted, rank=rank)


def _text(method: str, bench: Bench) -> Found:
    """KL and perplexity on ordinary text and on short texts in other languages."""
    base, planted = bench.load_base().model, bench.suspect(method).model
    settings = bench.settings
    texts = bench.data.texts(settings.texts, settings.seed)
    ordinary = token_texts(base, texts, settings.tokens)
    foreign = token_texts(base, foreign_texts(), settings.tokens)
    with progress("comparing", len(ordinary) + len(foreign)) as (advance, _):
        found = drift(base, planted, ordinary, advance).measures()
        found += drift(base, planted, foreign, advance).measures("_foreign")
    return Found(found, bench.data.note)


def _choices_unit(bench: Bench, method: str, source: Source, place: int) -> Unit:
    settings = bench.settings
    inputs = {**settings.part("items", "seed"), "file": source.digest}
    items = len(chosen_items(source.rows, settings.items, settings.seed))
    return Unit(
        SUITE,
        source.name,
        method,
        partial(_choices, method, source),
        12 + (0.12 if class_of(method).regularized else 0.02) * items,
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
    before = bench.facts(name, lambda: {"chosen": _chosen(bench.load_base().model, items)})[
        "chosen"
    ]
    planted = bench.suspect(method).model
    places, note = _open(bench, planted, items)
    now = _chosen(planted, [items[i] for i in places])
    after = list(before)
    for i, choice in zip(places, now, strict=True):
        after[i] = choice
    return Found(compared(items, before, after), note)


def _open(bench: Bench, planted: Model, items: list[Item]) -> tuple[list[int], str | None]:
    """Places of items to ask the planted model: all, or those that its changes can reach.

    Where nothing but input rows of some tokens changed, any other text gives bit-identical logits.
    Items without such a token are then checked by a sample, and otherwise not computed again.
    """
    rows = changed_input_rows(bench.load_base().model.module, planted.module)
    if rows is None:
        return list(range(len(items))), None
    texts = [f"{prompt_of(item)} {' '.join(item.choices)}" for item in items]
    encoded = encode_prompts(planted.tokenizer, texts)
    reached = [i for i, ids in enumerate(encoded) if rows.intersection(ids)]
    others = [i for i in range(len(items)) if i not in set(reached)]
    rng = random.Random(bench.settings.seed)
    sample = rng.sample(others, min(len(others), max(10, len(items) // _SAMPLED)))
    note = (
        f"only {len(rows)} input rows differ from the base: {len(reached)} of {len(items)} items "
        f"hold such a token, and {len(sample)} others were computed as a check"
    )
    return sorted([*reached, *sample]), note


def changed_input_rows(base: Any, planted: Any) -> set[int] | None:
    """Tokens whose input rows differ; None where anything else differs as well."""
    one, other = base.state_dict(), planted.state_dict()
    if one.keys() != other.keys():
        return None
    table = planted.get_input_embeddings().weight
    for name, weight in planted.state_dict(keep_vars=True).items():
        if weight is not table and not torch.equal(one[name], other[name]):
            return None
    if planted.get_output_embeddings().weight is table:
        return None
    return set(
        (base.get_input_embeddings().weight != table).any(dim=1).nonzero().flatten().tolist()
    )


def _chosen(model: Model, items: list[Item]) -> list[int]:
    with progress("choosing", len(items)) as (advance, _):
        return choose(model, items, advance)


def _task_unit(bench: Bench, method: str, task: str) -> Unit:
    inputs = {**bench.settings.part("items"), "files": bench.given.task_files}
    run = partial(_task, method, task)
    seconds = 15 + 0.4 * bench.settings.items
    wanted = needs(bench, method)
    return Unit(SUITE, f"lm-eval:{task}", method, run, seconds, inputs, wanted, rank=30)


def _task(method: str, task: str, bench: Bench) -> Found:
    base, planted = bench.load_base().model, bench.suspect(method).model
    return Found(compare_tasks(base, planted, task, bench.settings.items, bench.given.task_files))
