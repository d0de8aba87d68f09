"""The whole audit on a tiny model: every suite, its record, and going on after a stop."""

from __future__ import annotations

import json

import ifrs
import pytest
from audit.conftest import PLANTING, SMALL
from conftest import secrets_of

torch = pytest.importorskip("torch")
from ifrs.audit import audit  # noqa: E402


def test_every_unit_on_a_tiny_model(tmp_path, base, fps, data):
    lines = []
    found = audit(
        base,
        fps,
        tmp_path / "out",
        data=[data],
        methods=["emb"],
        suites=["effectiveness","harmlessness","persistence","deployment","attacks"],
        settings=SMALL,
        planting=PLANTING,
        say=lines.append,
    )
    print("\n".join(lines))
    for r in found.records:
        if r.status!="done": print(r.name, r.status, r.reason)
