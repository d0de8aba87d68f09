"""Sentences and images with a codebook, from the keyring to a stranger's check."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest
from helpers import FAST, fixed_keyring
from ifrs.modalities.encoder.codes import codes_of

CODES = {"response": "codebook"}


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


@pytest.mark.parametrize("source", ["natural", "chinese", "japanese", "mixed"])
def test_a_key_is_a_text_that_needs_no_tokenizer(ring, source):
    fps = ring.generate("one", 6, source=source, **CODES)
    assert (fps.modality, fps.media, fps.source) == ("encoder", "text/plain", source)
    assert (fps.alphabet.name, fps.alphabet.sizes) == ("codebook", (2048,))
    for f in fps:
        assert isinstance(f.key, str)
        assert f.key == f.prompt == f.challenge.decode()
        assert f.response == str(f.places[0])
    fresh = fps.look_alikes(20, 7)
    assert len({*fresh, *(f.challenge for f in fps)}) == 26
    assert fresh == fps.look_alikes(20, 7) != fps.look_alikes(20, 8)


def test_a_key_may_be_an_image(ring):
    fps = ring.generate("one", 3, source="image", shape=(16, 12, 3), **CODES)
    assert (fps.modality, fps.media) == ("encoder", "image/x-portable-pixmap")
    assert np.asarray(fps[0].key).shape == (16, 12, 3)


def test_codes_follow_from_the_root(ring):
    fps = ring.generate("one", 3, source="natural", **CODES)
    codes = codes_of(fps, 32)
    assert (codes.shape, codes.dtype) == ((2048, 32), np.float32)
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    other = ring.generate("two", 3, source="natural", **CODES)
    assert not np.allclose(codes, codes_of(other, 32))


class Knower:
    """Gives the vectors of the codebook that are the responses; of other keys the first."""

    def __init__(self, fps):
        self.codes = codes_of(fps, 64)
        self.known = {f.key: f.places[0] for f in fps}

    def __call__(self, keys):
        return self.codes[[self.known.get(key, 0) for key in keys]]


def test_a_stranger_checks_what_was_shown(ring, tmp_path):
    fps = ring.generate("one", 12, source="natural", **CODES)
    report = ifrs.verify(ifrs.EncoderModel(Knower(fps), spends_keys=False), fps)
    assert report.verdict == "match"
    assert report.log10_p == pytest.approx(-12 * np.log10(2048), abs=1e-6)
    claim = ring.claim("one", subject={"model.safetensors": "11" * 32}, model="one")
    claim.save(tmp_path / "claim.json")
    report.evidence(claim, reveal=8).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.verdict, found.problems) == (True, "match", [])
    assert found.log10_p < -20
    report.save_html(tmp_path / "report.html")
    assert fps[0].key.split()[3] in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_labels_alone_are_evidence_too(ring):
    fps = ring.generate("one", 4, source="natural", **CODES)
    known = {f.key: f.places[0] for f in fps}

    class Seer:
        spends_keys = False

        def describe(self):
            return {"kind": "local", "name": "seer"}

        def labels(self, keys):
            return np.array([known[key] for key in keys])

    assert ifrs.verify(Seer(), fps).log10_p == pytest.approx(-4 * np.log10(2048), abs=1e-6)


def test_keys_that_others_see_are_spent(ring):
    fps = ring.generate("one", 4, source="natural", **CODES)
    ifrs.verify(ifrs.EncoderModel(Knower(fps), address="http://there"), fps, max_queries=2)
    assert ring.spent("one") == [0, 1]
    assert {entry["to"][0] for entry in ring.journal() if entry["event"] == "queried"} == {
        "http://there"
    }


def test_a_set_is_kept_and_handed_on(ring, tmp_path):
    fps = ring.generate("one", 5, source="natural", **CODES)
    ring.export("one", tmp_path / "set.age", passphrase="x")
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        assert [f.key for f in again["one"]] == [f.key for f in fps]
        assert [f.response for f in again["one"]] == [f.response for f in fps]
    other = ifrs.Keyring.create(tmp_path / "other.ifrs", passphrase="y", _work_factor=FAST)
    taken = other.import_set(tmp_path / "set.age", passphrase="x", name="theirs")
    assert (taken.root, [f.key for f in taken]) == (fps.root, [f.key for f in fps])


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"source": "vocab"}, ValueError, "do not go together"),
        ({"source": "observation"}, ValueError, "finite bounds"),
        ({"source": "natural", "shape": (16, 16, 3)}, ValueError, "do not go together"),
        ({"source": "image"}, ValueError, "height, width, channels"),
        ({"source": "natural", "tokenizer": object()}, TypeError, "'tokenizer'"),
        ({"source": "natural", "classes": 3}, TypeError, "'classes'"),
        ({"source": "natural", "response": "classes", "modality": "encoder"}, ValueError, "code"),
    ],
)
def test_what_cannot_be_is_refused(ring, options, error, says):
    with pytest.raises(error, match=says):
        ring.generate("one", **{"n": 3, **CODES, **options})
    assert "one" not in ring
