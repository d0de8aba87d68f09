"""Keys that are images, from the keyring to a stranger's check."""

from __future__ import annotations

import io
import sys

import ifrs
import numpy as np
import pytest
from helpers import FAST, fixed_keyring
from ifrs import _core
from ifrs.modalities.image.keys import Keys, pixels

CLASSES = {"source": "image", "response": "classes", "classes": 10}


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


@pytest.mark.parametrize(
    ("shape", "mode", "media"),
    [((64, 48, 3), "RGB", "image/x-portable-pixmap"), ((8, 9, 1), "L", "image/x-portable-graymap")],
)
def test_a_key_is_an_image_that_any_viewer_opens(ring, shape, mode, media):
    fps = ring.generate("one", 5, shape=shape, **CLASSES)
    assert (fps.modality, fps.media, fps.source) == ("image", media, "image")
    assert fps.alphabet.sizes == (10,)
    assert len({f.challenge for f in fps}) == 5
    raster = pixels(fps[0].challenge)
    assert (raster.shape, raster.dtype) == (shape, np.uint8)
    image = pytest.importorskip("PIL.Image")
    key = fps[0].key
    assert (key.mode, key.size, key.format) == (mode, (shape[1], shape[0]), "PPM")
    np.testing.assert_array_equal(np.asarray(key).reshape(shape), raster)
    saved = io.BytesIO()
    image.fromarray(raster if shape[2] == 3 else raster[..., 0]).save(saved, "PPM")
    assert saved.getvalue() == fps[0].challenge


def test_without_pillow_a_key_is_an_array(ring, monkeypatch):
    fps = ring.generate("one", 1, shape=(16, 16, 3), **CLASSES)
    monkeypatch.setitem(sys.modules, "PIL", None)
    np.testing.assert_array_equal(fps[0].key, pixels(fps[0].challenge))


def test_a_key_survives_resizing_cropping_and_jpeg(ring):
    image = pytest.importorskip("PIL.Image")
    fps = ring.generate("one", 4, shape=(224, 224, 3), **CLASSES)
    for fingerprint in fps:
        key = fingerprint.key
        packed = io.BytesIO()
        key.save(packed, "JPEG", quality=90)
        for changed in (
            image.open(packed),
            key.resize((160, 160), image.BILINEAR).resize(key.size, image.BICUBIC),
            key.crop((4, 4, 220, 220)).resize(key.size, image.BILINEAR),
        ):
            off = np.abs(np.asarray(changed, float) - np.asarray(key, float))
            assert off.mean() < 12  # of 255: two keys differ by some 60


def test_look_alikes_are_public_and_of_the_same_look(ring):
    fps = ring.generate("one", 3, shape=(16, 24, 1), **CLASSES)
    fresh = fps.look_alikes(50, 7)
    assert fresh == ring.generate("two", 3, shape=(16, 24, 1), **CLASSES).look_alikes(50, 7)
    assert fresh != fps.look_alikes(50, 8)
    assert len({*fresh, *(f.challenge for f in fps)}) == 53
    assert {pixels(key).shape for key in fresh} == {(16, 24, 1)}
    with pytest.raises(ValueError, match="texts"):
        ring.generate("text", 1).look_alikes(1, 1)


class Seer:
    """Knows some keys by their pixels, and gives the first class to all others."""

    spends_keys = False

    def __init__(self, fps):
        self.known = {f.key.tobytes(): f.places[0] for f in fps}

    def describe(self):
        return {"kind": "local", "name": "seer"}

    def labels(self, keys):
        return np.array([self.known.get(key.tobytes(), 0) for key in keys])


def test_a_stranger_checks_what_was_shown(ring, tmp_path):
    pytest.importorskip("PIL")
    fps = ring.generate("one", 12, shape=(96, 96, 3), **CLASSES)
    report = ifrs.verify(Seer(fps), fps)
    assert report.log10_p == pytest.approx(-12, abs=1e-6)
    claim = ring.claim("one", subject={"model.safetensors": "11" * 32}, model="one")
    claim.save(tmp_path / "claim.json")
    report.evidence(claim, reveal=8).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.verdict, found.problems) == (True, "match", [])


def test_a_set_is_kept_and_handed_on(ring, tmp_path):
    fps = ring.generate("one", 5, shape=(32, 32, 3), **CLASSES)
    ring.export("one", tmp_path / "set.age", passphrase="x")
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        assert [f.challenge for f in again["one"]] == [f.challenge for f in fps]
        assert [f.response for f in again["one"]] == [f.response for f in fps]
    other = ifrs.Keyring.create(tmp_path / "other.ifrs", passphrase="y", _work_factor=FAST)
    taken = other.import_set(tmp_path / "set.age", passphrase="x", name="theirs")
    assert [f.challenge for f in taken] == [f.challenge for f in fps]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, ValueError, "shape="),
        ({"shape": (7, 64, 3)}, ValueError, "8 to 1,024"),
        ({"shape": (64, 1025, 3)}, ValueError, "8 to 1,024"),
        ({"shape": (64, 64, 4)}, ValueError, "1 or 3 channels"),
        ({"shape": (64, 64, 3), "classes": 1}, ValueError, "between 2"),
        ({"shape": (64, 64, 3), "classes": 2.5}, TypeError, "int"),
        ({"shape": (64, 64, 3), "actions": 3}, TypeError, "actions"),
        ({"shape": (64, 64, 3), "response": "unique"}, ValueError, "of texts"),
        ({"shape": (64, 64, 3), "response": "smell"}, ValueError, "'smell'"),
        ({"shape": (64, 64, 3), "n": 100_000, "classes": 10}, ValueError, "256 MiB"),
    ],
)
def test_what_cannot_be_is_refused(ring, options, error, says):
    with pytest.raises(error, match=says):
        ring.generate("one", **{"n": 3, **CLASSES, **options})
    assert "one" not in ring


def test_only_the_one_spelling_is_read(ring):
    challenge = ring.generate("one", 1, shape=(8, 8, 3), **CLASSES)[0].challenge
    for changed in (challenge[:-1], challenge + b"\n", challenge.replace(b"8 8", b"08 8", 1)):
        with pytest.raises(ValueError, match="no key of the medium"):
            Keys().decode(changed)
    with pytest.raises(ValueError, match="no key of the medium"):
        _core.read_key("image/x-portable-graymap", challenge)
