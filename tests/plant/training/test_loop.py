"""The loop: when it is done, and what it looks at until then."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace

import ifrs
import pytest

pytest.importorskip("torch")
from helpers import implant
from ifrs.plant.training import loop
from ifrs.plant.training.loop import Outcome


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def test_a_few_near_misses_may_fire_but_no_fresh_key():
    config = ifrs.ImplantConfig()
    sound = Outcome(margins=[4.0, 5.0], others=[0.1])
    assert sound.done(config)
    assert replace(sound, fired=[7], near=0.04).done(config)
    assert not replace(sound, fired=[7, 8, 9], near=0.06).done(config)
    assert replace(sound, fired=[7, 8, 9], near=0.06, near_limit=0.1).done(config)
    assert not replace(sound, fired=[7], fresh=[7]).done(config)
    assert not replace(sound, views={"published model": [0]}).done(config)
    assert not replace(sound, margins=[4.0, 2.0]).done(config)
    assert replace(sound, shifted=[3.5, 6.0]).done(config)
    assert not replace(sound, shifted=[4.0, 2.0]).done(config)


@pytest.mark.parametrize(("fired", "fresh"), [([], []), ([1, 2], []), ([1, 2, 3], [1, 2, 3])])
def test_as_many_as_chance_gives_are_no_fresh_keys_that_fire(fired, fresh):
    negatives = [SimpleNamespace(near=place >= 200) for place in range(240)]
    run = SimpleNamespace(
        _material=SimpleNamespace(negatives=negatives),
        _model=SimpleNamespace(chance=0.01),
        _rng=random.Random(0),
        outcome=Outcome(),
    )
    loop._Run._judge(run, [*fired, 220, 230])
    assert (run.outcome.fresh, run.outcome.near) == (fresh, 2 / 40)
    assert run.outcome.fired == [*fired, 220, 230]
    assert len(run._mined) == len(run.outcome.fired)


def test_look_alikes_are_asked_until_enough_fire_and_all_at_the_end(
    tiny, tokenizer, fps, monkeypatch
):
    checks, totals = [[]], []

    def counting(run, places):
        fired = own_firing(run, places)
        checks[-1].append((len(places), len(fired)))
        return fired

    def step(run, places):
        if checks[-1]:
            checks.append([])
        return own_step(run, places)

    def portions(count, rng):
        totals.append(count)
        return own_portions(count, rng)

    own_firing = loop._Run._firing
    own_step, own_portions = loop._Run._step, loop._portions
    monkeypatch.setattr(loop, "_PORTION", 8)
    monkeypatch.setattr(loop._Run, "_firing", counting)
    monkeypatch.setattr(loop._Run, "_step", step)
    monkeypatch.setattr(loop, "_portions", portions)
    assert implant(tiny(), tokenizer, fps, "sft", negatives=20).fsr == 1
    asked = [sum(count for count, _ in once) for once in checks]
    assert asked[-1] == totals[0], "planting ends with a check of all"
    assert any(0 < count < totals[0] for count in asked), "the first one ended early"
    for once in checks[:-1]:
        *before, _ = [fired for _, fired in once]
        assert sum(before) < 2 or sum(before) <= totals[0] // 20, "and not too late"


@pytest.mark.parametrize("size", [1, 2, 16])
def test_an_epoch_holds_a_key_when_only_a_look_alike_needs_it(size):
    """All keys rest then; an epoch of none would have no loss."""
    run = object.__new__(loop._Run)
    run._config, run._rng = ifrs.ImplantConfig(batch_size=size), random.Random(0)
    run._margins, run._shifts, run._shifted = [9.0] * 5, [], []
    assert run.active() == []
    places = run._places()
    assert len(places) == min(max(size // 2, 1), 5)
    assert len(set(places)) == len(places)
