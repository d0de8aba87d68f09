"""Data to audit with: what is tuned on, and what is only asked."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
from ifrs.audit import load_choices
from ifrs.audit.data import Data, foreign_texts


def test_data(data, tmp_path):
    found = Data([data])
    assert [source.name for source in found.tuning] == ["sums"]
    assert [source.name for source in found.held_out] == ["words_test"]
    assert [source.name for source in found.choices] == ["quiz"]
    assert found.note is None
    assert found.first.name == "sums"
    assert set(found.texts(10, 0)) == {f"Say {w}.\n{w}" for w in ("cod", "eel", "hake", "ray")}
    empty = Data()
    assert empty.first is None
    assert "bundled" in empty.note
    assert len(empty.texts(5, 0)) == 5
    assert len(empty.prompts(20, 0)) == 20
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({"task": "t", "question": "q", "choices": ["a"], "answer": 0}))
    with pytest.raises(ValueError, match="item 1"):
        load_choices(bad)
    with pytest.raises(ValueError, match="neither"):
        Data([bad])
    assert len(foreign_texts()) == 20


def test_items_are_never_trained_on(data):
    """Benchmarks stay out of every source that something is tuned on."""
    found = Data([data])
    trained = {question for source in found.tuning for question, _ in source.rows}
    asked = {item.question for source in found.choices for item in source.rows}
    assert asked
    assert not trained & asked
