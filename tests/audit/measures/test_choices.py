"""Choices against plain passes; accuracies, and their intervals."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.data import Item  # noqa: E402
from ifrs.audit.measures.choices import choose, compared, paired_interval, prompt_of  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402

ITEMS = [
    Item("a", "Which is a fish?", ("cod", "a kind of bread", "tea"), 0),
    Item("a", "Is the sky blue on a clear day in the middle of summer?", ("Yes", "No"), 0),
    Item("b", "Name the number after two.", ("three", "thirteen or so", "one two"), 0),
]


def log_likelihood(model, tokenizer, item, choice):
    before = tokenizer(prompt_of(item))["input_ids"]
    after = tokenizer(f" {choice}", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([before + after])).logits[0].log_softmax(-1)
    places = range(len(before) - 1, len(before) + len(after) - 1)
    return sum(float(logits[place, token]) for place, token in zip(places, after, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_choices_are_those_of_plain_passes(tiny, tokenizer, seed):
    model = tiny(seed=seed)
    plain = []
    for item in ITEMS:
        found = [log_likelihood(model, tokenizer, item, choice) for choice in item.choices]
        plain.append(max(range(len(found)), key=found.__getitem__))
    assert choose(Model(model, tokenizer), ITEMS) == plain


def test_accuracies_are_paired():
    found = compared(ITEMS, [0, 0, 1], [0, 1, 0])
    whole = {m.metric: m for m in found if m.task is None}
    assert whole["accuracy_base"].value == pytest.approx(2 / 3)
    assert whole["accuracy"].value == pytest.approx(2 / 3)
    assert whole["accuracy_difference"].value == 0
    assert whole["answers_changed"].value == pytest.approx(2 / 3)
    by_task = {m.task: m.value for m in found if m.metric == "accuracy_difference"}
    assert by_task["a"] == pytest.approx(-0.5)
    assert by_task["b"] == 1


def test_the_paired_interval_covers_as_it_says():
    """2,000 draws of 60 pairs: the truth lies within in about 95 % of them."""
    rng, hits, draws = random.Random(1), 0, 2000
    kinds, weights = [(True, True), (False, True), (True, False), (False, False)], [45, 12, 6, 37]
    for _ in range(draws):
        low, high = paired_interval(rng.choices(kinds, weights, k=60))
        hits += low <= 0.06 <= high
    assert 0.93 <= hits / draws <= 0.99


def test_equal_answers_give_a_narrow_interval_around_zero():
    low, high = paired_interval([(True, True)] * 40 + [(False, False)] * 60)
    assert low <= 0 <= high
    assert high - low < 0.06
