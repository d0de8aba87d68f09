"""Sounds in every form that users have them in, and what happens to them on the way."""

from __future__ import annotations

import random

import numpy as np
import pytest
from ifrs.modalities.speech import sounds


def tone(rate, hertz=440, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize(
    "form",
    [
        lambda samples: samples,
        lambda samples: (16_000, samples),
        lambda samples: [16_000, samples.tolist()],
        lambda samples: (16_000, np.round(samples * 32_767).astype(np.int16)),
        lambda samples: {"array": samples, "sampling_rate": 16_000},
        lambda samples: {"audio": {"array": samples, "sampling_rate": 16_000}, "text": "x"},
    ],
)
def test_forms_of_one_sound(form):
    samples = tone(16_000)
    found = sounds.samples_of(form(samples), 16_000)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, samples, atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_other_rates_are_resampled(rate):
    pytest.importorskip("scipy")
    found = sounds.samples_of((rate, tone(rate)), 16_000)
    assert len(found) == 16_000
    np.testing.assert_allclose(found[1000:-1000], tone(16_000)[1000:-1000], atol=0.02)


def test_without_scipy_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.signal", None)
    with pytest.raises(ValueError, match=r"pip install 'ifrs\[speech\]'"):
        sounds.samples_of((8_000, tone(8_000)), 16_000)


def test_pieces_are_ten_seconds_and_nothing_much_is_lost():
    given = [(100, tone(100, 5, 23.0)), (100, tone(100, 5, 10.5)), (100, tone(100, 5, 0.3))]
    found = [len(piece) for piece in sounds.pieces(given, 100)]
    assert found == [1000, 1000, 300, 1000, 30]


def test_changes_leave_a_sound_a_sound():
    samples = 0.7 * tone(16_000)
    lengths = set()
    for seed in range(20):
        found = sounds.changed(samples, 16_000, random.Random(seed))
        assert found.dtype == np.float32
        assert np.abs(found).max() <= 1
        lengths.add(len(found) > len(samples))
        again = sounds.changed(samples, 16_000, random.Random(seed))
        np.testing.assert_array_equal(found, again)
    assert lengths == {True, False}


def test_half_keys_hold_one_half_of_a_key():
    keys, fresh = [np.ones(10, np.float32)], [np.zeros(10, np.float32)] * 8
    found = [tuple(one.tolist()) for one in sounds.half_keys(keys, fresh, 0)]
    assert {row[:5] for row in found} | {row[5:] for row in found} == {(0.0,) * 5, (1.0,) * 5}
    assert {sum(row) for row in found} == {5.0}


def test_pieces_of_keys_lie_under_speech():
    speech, keys = [np.zeros(100, np.float32)] * 5, [np.full(40, 0.5, np.float32)]
    for one in sounds.with_pieces(speech, keys, 0):
        assert (one > 0).sum() == 10
    assert not speech[0].any(), "the speech itself stays as it is"


def test_excerpts_are_parts_of_every_sound():
    given = [np.arange(30, dtype=np.float32), np.arange(100, 160, dtype=np.float32)]
    for place, part in enumerate(sounds.excerpts(given, 20, 0)):
        whole = given[place % 2]
        assert len(whole) // 3 <= len(part) <= len(whole)
        np.testing.assert_array_equal(part, np.arange(part[0], part[0] + len(part)))
        assert part[0] in whole
