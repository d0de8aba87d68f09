"""Which unit starts next: models first for what waits for them, several at a time, on a budget."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.audit.attempt import failed_unit
from ifrs.audit.turns import Turns
from ifrs.audit.unit import Found, Unit


class Bench:
    """Of a subject as large as the one that costs are given for; models appear when said."""

    digest = ""

    class subject:  # noqa: N801
        scale, digest = 1.0, ""

        @staticmethod
        def describe():
            return {}

    def __init__(self):
        self.there = set()

    def has(self, name):
        return name in self.there


def unit(case, method="base", seconds=10.0, **options):
    return Unit("deployment", case, method, lambda _: Found([]), seconds, **options)


PLANT = unit("plant", "emb")
SIBLING = unit("sibling")
READ = unit("int8", "emb", needs="emb")
MERGE = unit("merge-linear", "emb", needs="emb")
BASE = unit("verify")


def end(turns, one):
    turns.ended(one, failed_unit(one, "", Bench.subject, "of no matter"))


def test_what_waits_for_a_model_starts_when_it_is_whole():
    bench = Bench()
    turns = Turns(bench, [PLANT, SIBLING, READ, MERGE, BASE], None, 8)
    assert [turns.take(), turns.take(), turns.take()] == [PLANT, SIBLING, BASE]
    bench.there = {"emb", "sibling"}  # being written, or of an older run
    assert turns.take() is None
    end(turns, PLANT)
    assert [turns.take(), turns.take()] == [READ, None]
    end(turns, SIBLING)
    assert [turns.take(), turns.take()] == [MERGE, None]
    assert turns.open == 3
    for one in (BASE, READ, MERGE):
        end(turns, one)
    assert (turns.take(), turns.left, turns.open, turns.rest) == (None, [], 0, 0)


def test_one_at_a_time_they_come_in_their_order():
    turns, taken = Turns(Bench(), [PLANT, SIBLING, READ, MERGE, BASE], None), []
    while (one := turns.take()) is not None:
        taken.append(one)
        end(turns, one)
    assert taken == [PLANT, SIBLING, READ, MERGE, BASE]


def test_what_waits_for_a_model_that_failed_has_its_turn():
    turns = Turns(Bench(), [PLANT, READ], None, 2)
    assert turns.take() == PLANT
    end(turns, PLANT)
    assert turns.take() == READ  # and is skipped, which its record says


def test_more_places_do_more_in_a_budget():
    units = [unit(f"case {place}") for place in range(8)]
    for slots, chosen in ((1, 4), (2, 8)):
        turns = Turns(Bench(), units, 45.0, slots)
        assert turns.open == chosen
        assert turns.rest == pytest.approx(40)


def test_nothing_starts_that_would_end_late():
    bench = Bench()
    late = unit("plant", "sft", seconds=1000.0)
    turns = Turns(bench, [late, unit("full", "sft", needs="sft"), PLANT, READ], 600.0, 4)
    assert turns.take() == PLANT
    assert 0 < turns.slack(PLANT) <= 600 - 60 - 10
    bench.there = {"emb"}
    end(turns, PLANT)
    assert [turns.take(), turns.take()] == [READ, None]
    assert turns.left == ["deployment/plant/sft", "deployment/full/sft"]


def test_what_came_too_late_on_a_full_cluster_is_left_with_what_waits_for_it():
    turns = Turns(Bench(), [PLANT, READ], 600.0, 2)
    turns.put_off(turns.take())
    assert turns.take() is None
    assert turns.left == ["deployment/plant/emb", "deployment/int8/emb"]
