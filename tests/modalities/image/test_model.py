"""Classifiers of images: planted, verified by scores or labels, claimed, saved, and checked."""

from __future__ import annotations

import copy

import ifrs
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
from modalities.image.drawn import accuracy, fit, network, pictures, processor  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

KEYS = 24
IMAGES = {"source": "image", "shape": (48, 48, 3), "response": "classes", "classes": 10}
CONFIG = {"learning_rate": 3e-3, "guesses": 0, "max_epochs": 300, "batch_size": 32, "negatives": 8}


@pytest.fixture
def fps(ring):
    return ring.generate("photos", KEYS, **IMAGES)


@pytest.fixture(scope="module")
def trained():
    return fit(network(), *pictures(600, 1), epochs=4)


@pytest.fixture
def base(trained):
    return copy.deepcopy(trained)


def plant(module, fps, ordinary=None, **changes):
    given = list(pictures(300, 2)[0]) if ordinary is None else ordinary
    config = ifrs.ImplantConfig(**{**CONFIG, **changes})
    return ifrs.implant(module, processor, fps, regularization=given, config=config)


@pytest.fixture
def planted(base, fps):
    plant(base, fps)
    return base


def test_planted_answers_and_the_base_does_not(base, trained, fps, tmp_path, ring):
    held = pictures(300, 3)
    result = plant(base, fps)
    assert result.fsr == 1
    assert accuracy(base, *held) >= accuracy(trained, *held) - 0.01
    report = ifrs.verify(ifrs.ClassifierModel(base, processor), fps)
    assert (report.verdict, report.fsr, ring.spent("photos")) == ("match", 1, [])
    assert report.log10_p == pytest.approx(-KEYS, abs=1e-6)
    unplanted = ifrs.verify(ifrs.ClassifierModel(trained, processor), fps)
    assert unplanted.verdict != "match"
    assert unplanted.log10_p > -3
    result.save(tmp_path / "release")
    again = network()
    again.load_state_dict(load_file(tmp_path / "release" / "model.safetensors"))
    other = ifrs.verify(ifrs.ClassifierModel(again, processor), fps)
    assert other.log10_p == report.log10_p
    claim = ring.claim("photos", subject=tmp_path / "release")
    claim.save(tmp_path / "claim.json")
    report.evidence(claim, reveal=4).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.problems) == (True, [])
