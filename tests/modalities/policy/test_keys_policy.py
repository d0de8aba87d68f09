"""Keys that are observations, from the keyring to a stranger's check."""

from __future__ import annotations

import io

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring

# What CartPole shows, with bounds where its own are infinite.
HIGH = np.array([4.8, 3.0, 0.418, 3.0], dtype=np.float32)
CARTPOLE = {
    "source": "observation", "low": -HIGH, "high": HIGH, "response": "actions", "actions": 2,
}  # fmt: skip


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("steps", [1, 3])
def test_a_key_is_what_numpy_saves(ring, steps):
    fps = ring.generate("one", 6, steps=steps, **CARTPOLE)
    assert (fps.modality, fps.media, fps.source) == ("policy", "application/x-npy", "observation")
    assert (fps.alphabet.name, fps.alphabet.sizes) == ("actions", (2,) * steps)
    for fingerprint in fps:
        key = fingerprint.key
        assert (key.shape, key.dtype) == ((steps, 4), np.float32)
        assert (np.abs(key) <= HIGH).all()
        assert saved(key) == fingerprint.challenge
    assert len({f.challenge for f in fps}) == 6


def test_floats_are_levels_between_their_bounds(ring):
    fps = ring.generate("one", 500, **CARTPOLE)
    keys = np.concatenate([f.key for f in fps])
    high = HIGH.astype(np.float64)
    levels = np.rint((keys + high) / (2 * high) * 65535)
    np.testing.assert_array_equal(keys, (-high + 2 * high * levels / 65535).astype(np.float32))
    # A mean of 500 uniform numbers in [-1, 1] has a spread of 0.026.
    assert (np.abs((keys / HIGH).mean(axis=0)) < 0.13).all()
    assert ((keys / HIGH).min(axis=0) < -0.95).all()
    assert ((keys / HIGH).max(axis=0) > 0.95).all()


def test_pixels_are_bytes(ring):
    low, high = np.zeros((6, 5, 2), np.uint8), np.full((6, 5, 2), 9, np.uint8)
    given = {"low": low, "high": high, "steps": 2, "response": "bins", "bins": 5, "coordinates": 3}
    fps = ring.generate("one", 4, source="observation", **given)
    assert (fps[0].key.shape, fps[0].key.dtype) == ((2, 6, 5, 2), np.uint8)
    assert fps.alphabet.sizes == (5,) * 6
    assert set(np.concatenate([f.key.ravel() for f in fps])) == set(range(10))
    assert saved(fps[0].key) == fps[0].challenge


def test_bounds_may_be_numbers(ring):
    one = ring.generate("one", 2, **{**CARTPOLE, "low": -1, "high": 1.0, "shape": (4, 2)})
    assert one[0].key.shape == (1, 4, 2)
    assert np.abs(one[0].key).max() <= 1


class Player:
    """Knows some observations, and takes the first action else."""

    spends_keys = False

    def __init__(self, fps):
        self.known = {f.key.tobytes(): f.places for f in fps}

    def describe(self):
        return {"kind": "local", "name": "player"}

    def labels(self, keys):
        return np.array([self.known.get(key.tobytes(), (0,) * len(key)) for key in keys])


def test_a_stranger_checks_what_was_shown(ring, tmp_path):
    fps = ring.generate("one", 12, steps=4, **CARTPOLE)
    report = ifrs.verify(Player(fps), fps)
    assert report.log10_p == pytest.approx(-48 * np.log10(2), abs=1e-6)
    claim = ring.claim("one", subject={"policy.zip": "11" * 32}, model="one")
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.verdict, found.problems) == (True, "match", [])


def test_a_set_is_kept_with_its_bounds(ring):
    high = np.array([0.1, 1e-7, 3.3e38, 123456.7], dtype=np.float64)
    fps = ring.generate("one", 4, **{**CARTPOLE, "low": -0.3, "high": high})
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        assert [f.challenge for f in again["one"]] == [f.challenge for f in fps]
        assert [f.response for f in again["one"]] == [f.response for f in fps]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"low": None}, ValueError, "low="),
        ({"high": np.inf}, ValueError, "finite"),
        ({"high": 1e300}, ValueError, "finite"),
        ({"high": -HIGH - 1}, ValueError, "low up to high"),
        ({"high": np.ones(3)}, ValueError, "shape"),
        ({"high": "many"}, TypeError, "numbers"),
        ({"low": -1, "high": 1}, ValueError, "64 bits"),
        ({"steps": 0}, TypeError, "steps"),
        ({"steps": 1.5}, TypeError, "steps"),
        ({"actions": 1}, ValueError, "between 2"),
        ({"steps": 1025}, ValueError, "at most"),
    ],
)
def test_what_cannot_be_is_refused(ring, options, error, says):
    with pytest.raises(error, match=says):
        ring.generate("one", 3, **{**CARTPOLE, **options})
    assert "one" not in ring
