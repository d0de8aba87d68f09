"""Keys that are sounds."""

from __future__ import annotations

import io
import wave

import ifrs
import numpy as np
import pytest
from helpers import FAST, fixed_keyring

CLASSES = {"source": "sound", "response": "classes", "classes": 10}


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


@pytest.mark.parametrize(("rate", "seconds"), [(16_000, 2.0), (11_025, 0.7)])
def test_a_key_is_a_sound_that_any_player_opens(ring, rate, seconds):
    fps = ring.generate("one", 3, rate=rate, seconds=seconds, **CLASSES)
    assert (fps.modality, fps.media, fps.source) == ("speech", "audio/wav", "sound")
    assert len({f.challenge for f in fps}) == 3
    said, samples = fps[0].key
    assert (said, samples.dtype) == (rate, np.int16)
    assert len(samples) == round(rate * seconds)
    assert 8_000 < np.abs(samples).max() <= 24_000
    with wave.open(io.BytesIO(fps[0].challenge)) as file:
        shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        assert (shape, file.getnframes()) == ((1, 2, rate), len(samples))
    again = io.BytesIO()
    with wave.open(again, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "NONE"))
        file.writeframes(samples.tobytes())
    assert again.getvalue() == fps[0].challenge


def test_a_key_lies_within_the_band_of_a_telephone(ring):
    _, samples = ring.generate("one", 1, **CLASSES)[0].key
    power = np.abs(np.fft.rfft(samples.astype(float))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 16_000)
    assert power[(hertz > 150) & (hertz < 3_500)].sum() > 0.999 * power.sum()


def test_a_set_is_kept(ring):
    fps = ring.generate("one", 2, **CLASSES)
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        assert [f.challenge for f in again["one"]] == [f.challenge for f in fps]
    assert len({*fps.look_alikes(5, 1), *(f.challenge for f in fps)}) == 7


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"rate": 7_999}, ValueError, "8,000 to 48,000"),
        ({"rate": 16e3}, TypeError, "rate"),
        ({"seconds": 0.4}, ValueError, "0.5 to 10"),
        ({"seconds": 11}, ValueError, "0.5 to 10"),
        ({"seconds": float("nan")}, ValueError, "0.5 to 10"),
        ({"response": "unique"}, TypeError, "take no 'classes'"),
        ({"response": "poems"}, ValueError, "use 'classes'"),
    ],
)
def test_what_cannot_be_is_refused(ring, options, error, says):
    with pytest.raises(error, match=says):
        ring.generate("one", 3, **{**CLASSES, **options})
    assert "one" not in ring


def test_words_are_the_response_unless_somebody_says_otherwise(ring):
    fps = ring.generate("one", 4, source="sound", rate=16_000, seconds=1.0)
    assert fps.alphabet.name == "ifrs-words-2048-v1"
    assert tuple(fps.alphabet.sizes) == (2048, 2047)
    for one in fps:
        first, second = one.response.split(" ")
        assert first != second
    assert (fps.candidates("text", 4095), fps.candidates("likelihood", 0)) == ([4096], [2048, 2047])


def test_words_are_bound_to_the_set_and_its_publisher(ring, tmp_path):
    fps = ring.generate("one", 4, source="sound")
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        assert [f.response for f in again["one"]] == [f.response for f in fps]
    path = tmp_path / "other.ifrs"
    ring.export("one", tmp_path / "set.age", passphrase="between")
    with ifrs.Keyring.create(path, passphrase="x", _work_factor=FAST) as other:
        theirs = other.import_set(tmp_path / "set.age", passphrase="between")
        assert [f.response for f in theirs] == [f.response for f in fps]


def test_the_shared_response_is_of_texts(ring):
    with pytest.raises(ValueError, match="unique responses"):
        ring.generate("one", 4, source="sound", response="shared")
    assert "one" not in ring
