"""Multiple-choice items by log-likelihood, and accuracies compared in pairs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.audit.data import Item
from ifrs.audit.record import Measure
from ifrs.modalities.text.forward import Batch, collate
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens, encode, encode_prompts
from ifrs.runtime.examples import Example

# Tokens of prompts read at a time, and columns of logits behind them.
_BATCH_TOKENS, _COLUMNS = 2048, 256


def prompt_of(item: Item) -> str:
    """A zero-shot prompt, as evaluation harnesses put it."""
    return f"{item.question.strip()}\nAnswer:"


def choose(
    model: Model, items: Sequence[Item], advance: Callable[[int], None] | None = None
) -> list[int]:
    """The choice of the highest summed log-probability for each item (lm-eval's `acc`).

    Prompts are read once; their keys and values are then shared by all their choices.
    """
    tokenizer = model.tokenizer
    prompts = encode_prompts(tokenizer, [prompt_of(item) for item in items])
    # The last tokens decide, should a question exceed the model's context.
    prompts = [ids[-_BATCH_TOKENS:] for ids in prompts]
    choices = [[encode(tokenizer, f" {text}") for text in item.choices] for item in items]
    chosen = [0] * len(items)
    for places in model.batches([Example(ids, []) for ids in prompts], _BATCH_TOKENS):
        scores = _scores(model, [prompts[i] for i in places], [choices[i] for i in places])
        for i, found in zip(places, scores, strict=True):
            chosen[i] = max(range(len(found)), key=found.__getitem__)
        if advance is not None:
            advance(len(places))
    return chosen


def _scores(model: Model, prompts: list[Tokens], choices: list[list[Tokens]]) -> list[list[float]]:
    """Summed log-probabilities of every choice of every prompt of one batch."""
    batch = collate(prompts, [[] for _ in prompts], model.pad, model.device)
    with torch.no_grad():
        seen = model.module(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=True,
            logits_to_keep=1,
        )
        first = seen.logits[:, -1].float().log_softmax(-1)
        scores = [[float(first[row, ids[0]]) for ids in own] for row, own in enumerate(choices)]
        rest = [(r, c) for r, own in enumerate(choices) for c, ids in enumerate(own) if ids[1:]]
        texts = [Example([], choices[r][c][1:]) for r, c in rest]
        for places in model.batches(texts, _COLUMNS):
            part = [rest[i] for i in places]
            more = _continued(model, seen.past_key_values, batch, choices, part)
            for (row, place), log_prob in zip(part, more, strict=True):
                scores[row][place] += log_prob
    return scores


def _continued(
    model: Model,
    cache: Any,
    batch: Batch,
    choices: list[list[Tokens]],
    part: list[tuple[int, int]],
) -> list[float]:
    """Log-probabilities of all tokens of some choices but their first."""
    import copy

    device = batch.ids.device
    rows = torch.tensor([row for row, _ in part], device=device)
    texts = [choices[row][place] for row, place in part]
    width = max(map(len, texts)) - 1
    ids = torch.full((len(texts), width), model.pad, device=device)
    labels = torch.full((len(texts), width), -1, device=device)
    for line, text in enumerate(texts):
        ids[line, : len(text) - 1] = torch.tensor(text[:-1], device=device)
        labels[line, : len(text) - 1] = torch.tensor(text[1:], device=device)
    own = copy.deepcopy(cache)
    own.batch_select_indices(rows)
    seen = batch.mask[rows]
    mask = torch.cat([seen, (labels >= 0).long()], dim=1)
    positions = seen.sum(1, keepdim=True) + torch.arange(width, device=device)
    logits = model.module(
        input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=own
    ).logits
    log_probs: Tensor = logits.float().log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])
    return [float(x) for x in (log_probs[..., 0] * (labels >= 0)).sum(1)]


def compared(items: Sequence[Item], before: Sequence[int], after: Sequence[int]) -> list[Measure]:
    """Accuracies and their paired difference, over all items and task by task."""
    tasks: dict[str | None, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for item, one, other in zip(items, before, after, strict=True):
        row = (one == item.answer, other == item.answer, one != other)
        tasks[None].append(row)
        tasks[item.task].append(row)
    found = []
    for task, rows in tasks.items():
        n = len(rows)
        both = [(one, other) for one, other, _ in rows]
        low, high = paired_interval(both)
        right, now = sum(a for a, _ in both) / n, sum(b for _, b in both) / n
        found += [
            Measure("accuracy_base", right, n=n, task=task),
            Measure("accuracy", now, n=n, task=task),
            Measure("accuracy_difference", now - right, low, high, n, task=task),
            Measure("answers_changed", sum(moved for *_, moved in rows) / n, n=n, task=task),
        ]
    return found


def paired_interval(pairs: Sequence[tuple[bool, bool]]) -> tuple[float, float]:
    """The 95 % interval of a difference of paired proportions, second minus first.

    Newcombe (1998, Statistics in Medicine 17:2635), method 10: score intervals of both shares,
    combined with their correlation; it holds for few and for no discordant pairs.
    """
    n = len(pairs)
    counts = [sum(pair == kind for pair in pairs) for kind in _KINDS]
    both, second, first, neither = counts
    one, other = (both + second) / n, (both + first) / n  # of the second model, of the first
    low1, high1 = wilson(both + second, n)
    low2, high2 = wilson(both + first, n)
    sides = (both + second) * (first + neither) * (both + first) * (second + neither)
    cross = float(both * neither - second * first)
    if cross > n / 2:
        cross = cross - n / 2  # continuity correction of the method
    elif cross >= 0:
        cross = 0
    phi = cross / math.sqrt(sides) if sides else 0.0
    down = _span(one - low1, high2 - other, phi)
    up = _span(high1 - one, other - low2, phi)
    return one - other - down, one - other + up


# (first right, second right): both, only the second, only the first, neither.
_KINDS = ((True, True), (False, True), (True, False), (False, False))


def _span(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share."""
    z = 1.959963985
    p, n = successes / trials, trials
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
