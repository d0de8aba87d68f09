"""`check` of keys that are no texts: four of 64 images, and every field of what shows them."""

from __future__ import annotations

import base64
import json

import ifrs
import numpy as np
import pytest
from alterations import altered
from helpers import fixed_keyring

REVEALED = 4
SET = {"source": "image", "shape": (8, 12, 3), "response": "classes", "classes": 10}


class Knowing:
    """A suspect that has the keys' classes by heart, and gives scores or labels."""

    spends_keys = False

    def __init__(self, fps, gives):
        self._places = {bytes(np.asarray(fps[i].key)): fps[i].places[0] for i in range(len(fps))}
        setattr(self, gives, getattr(self, f"_{gives}"))

    def describe(self):
        return {"kind": "local", "name": "knowing"}

    def _labels(self, keys):
        return np.array([self._places[bytes(np.asarray(key))] for key in keys])

    def _scores(self, keys):
        return np.eye(10, dtype=np.float32)[self._labels(keys)]


@pytest.fixture(params=["scores", "labels"])
def shown(request, tmp_path):
    """A claim of 64 images, and a bundle that reveals four of them."""
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("photos", 64, **SET)
        report = ifrs.verify(Knowing(fps, request.param), fps)
        claim = ring.claim("photos", subject={"weights": "00" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim, reveal=REVEALED).save(tmp_path / "bundle.json")
    hidden = [base64.b64encode(fps[i].challenge).decode() for i in range(REVEALED, 64)]
    return tmp_path / "bundle.json", tmp_path / "claim.json", hidden


def test_four_of_sixty_four_hold_and_the_others_stay_secret(shown):
    bundle, claim, hidden = shown
    result = ifrs.check(bundle, claim, alpha=1e-3)
    assert result.ok, result.problems
    assert result.verdict == "match"
    assert len(result.queries) == REVEALED
    text = bundle.read_text(encoding="utf-8")
    assert not [key for key in hidden if key in text]


def test_every_field_is_held_to(shown):
    bundle, claim, _ = shown
    tree = json.loads(bundle.read_text(encoding="utf-8"))
    # One key is enough to alter: the others are alike.
    count = 0
    for path, changed in altered(tree):
        if path[:1] == ("queries",) and len(path) > 1 and path[1] > 0:
            continue
        bundle.write_text(json.dumps(changed), encoding="utf-8")
        result = ifrs.check(bundle, claim, alpha=1e-3)
        assert not result.ok, path
        assert result.problems, path
        count += 1
    assert count > 150


def test_another_picture_of_the_same_size_is_none_of_the_claim(shown):
    bundle, claim, _ = shown
    tree = json.loads(bundle.read_text(encoding="utf-8"))
    pixels = bytearray(base64.b64decode(tree["queries"][0]["prompt"]))
    pixels[-1] ^= 1
    tree["queries"][0]["prompt"] = base64.b64encode(bytes(pixels)).decode()
    bundle.write_text(json.dumps(tree), encoding="utf-8")
    result = ifrs.check(bundle, claim, alpha=1e-3)
    assert not result.ok
    assert result.problems
