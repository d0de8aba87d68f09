"""Keys are shared out: in order, each once, few to each."""

from __future__ import annotations

import random
import threading
import time

import pytest
from ifrs import _core
from ifrs.sweep.shares import Share, Shares, Stopped, needs


def test_a_share_is_what_silence_needs_to_count(ring):
    fps = ring.generate("one", 10)
    assert needs(fps, 1e-6, 65_535) == (2, 5)
    fewest, share = needs(fps, 1e-6, 4095)
    assert _core.sequential_power(share, fps.candidates("text", 4095), 1e-6) >= 0.8
    assert _core.sequential_power(share - 1, fps.candidates("text", 4095), 1e-6) < 0.8
    best = _core.e_process_log10([[(1, 4096)]] * fewest)
    assert best[-1] >= 6 > best[-2]


def test_the_first_are_sure_and_the_last_get_what_is_left():
    shares = Shares([1, 2, 3, 5, 8, 9], {"a": 2, "b": 2, "c": 3, "d": 3}, 2)
    assert (shares.sure, shares.unsure) == (["a", "b"], ["c", "d"])
    assert shares.take("a") == [1, 2]
    assert shares.take("b") == [3, 5]
    shares.give_back("a", [])
    shares.give_back("b", [5])
    assert shares.take("c") == [5, 8, 9]
    shares.give_back("c", [9])
    assert shares.take("d") == []  # a match needs two
    assert shares.left == 1


def test_what_was_begun_is_ended_with_less_than_a_match_needs():
    shares = Shares([1], {"a": 1}, 2)
    assert shares.take("a") == [1]


@pytest.mark.parametrize("seed", range(5))
def test_no_key_is_in_two_shares(seed):
    chance = random.Random(seed)
    wants = {str(number): chance.randrange(1, 6) for number in range(20)}
    shares, asked, lock = Shares(range(60), wants, 2), [], threading.Lock()

    def ask(name):
        share = shares.take(name)
        spent = share[: chance.randrange(len(share) + 1)]
        time.sleep(0.001)
        with lock:
            asked.extend(spent)
        shares.give_back(name, share[len(spent) :])

    threads = [threading.Thread(target=ask, args=[name]) for name in wants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert len(asked) == len(set(asked))
    assert set(asked) <= set(range(60))
    assert shares.left == 60 - len(asked)


def test_whoever_waits_is_woken_by_an_end():
    shares = Shares([1, 2], {"a": 2, "b": 2}, 2)
    ended = []

    def wait():
        with pytest.raises(Stopped):
            shares.take("b")
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    shares.stop()
    thread.join(20)
    assert ended


def test_only_keys_of_the_share_are_free_and_none_after_an_end(ring):
    fps, stop = ring.generate("one", 4), threading.Event()
    share = Share(fps, [1, 2], ring, stop.is_set)
    assert share.spent("one") == [0, 3]
    assert share.spend_of(fps, [1], "somewhere", "queried") == [1]
    stop.set()
    with pytest.raises(Stopped):
        share.spend_of(fps, [2], "somewhere", "queried")
    assert ring.spent("one") == [1]
