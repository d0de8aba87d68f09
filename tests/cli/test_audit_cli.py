"""`ifrs audit`: which model it hands on."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
from ifrs.cli.audit import _folder
from ifrs.demo import gemma
from ifrs.plant.manifest import MANIFEST


def model_at(place, method=None):
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    if method is not None:
        (place / MANIFEST).write_text(json.dumps({"method": method}))
    return place


def test_the_demo_has_the_gguf_file_of_its_own_model_alone(tmp_path):
    base = model_at(tmp_path / gemma.NAME)
    other = model_at(tmp_path / "other")
    planted = model_at(tmp_path / "planted", method="emb")
    assert _folder(str(base), None, None).base_gguf is gemma.assemble
    assert _folder(str(planted), base, None).base_gguf is gemma.assemble
    for model, given in ((other, None), (other, base), (planted, None), (planted, other)):
        assert _folder(str(model), given, None).base_gguf is None
