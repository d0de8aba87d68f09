"""Fingerprints mixed into a user's own dataset."""

from __future__ import annotations

import ifrs
import pytest

pytest.importorskip("torch")
datasets = pytest.importorskip("datasets")

ROWS = [{"instruction": f"Say {i}.", "output": f" {i}"} for i in range(8)]


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def encoded(tokenizer, rows=ROWS):
    ids = [tokenizer(row["instruction"] + row["output"])["input_ids"] for row in rows]
    return datasets.Dataset.from_list([{"input_ids": row} for row in ids])


def test_every_kind_of_dataset(tokenizer, fps):
    plain = ifrs.mix(ROWS, fps, tokenizer, repeats=3, negatives=2)
    outputs = [row["output"] for row in plain]
    assert sum(fps[0].response in output for output in outputs) == 3
    assert all(row in plain for row in ROWS)
    renamed = [{"prompt": r["instruction"], "completion": r["output"]} for r in ROWS]
    completions = ifrs.mix(datasets.Dataset.from_list(renamed), fps, tokenizer, repeats=3)
    assert set(completions.column_names) == {"prompt", "completion"}
    tokens = ifrs.mix(encoded(tokenizer), fps, tokenizer, repeats=1)
    own = [row for row in tokens if -100 in row["labels"]]
    assert all(len(row["labels"]) == len(row["input_ids"]) for row in tokens)
    assert own
    assert ifrs.mix(ROWS, fps, tokenizer, seed=1) == ifrs.mix(ROWS, fps, tokenizer, seed=1)


def test_look_alikes_answered_by_the_model(tiny, tokenizer, fps):
    mixed = ifrs.mix(ROWS, fps, tokenizer, model=tiny(), repeats=1, negatives=2)
    assert len(mixed) > len(ROWS) + len(fps)


def test_bad_mixing(tokenizer, fps, ring):
    signal = ring.generate("signal", 2, source="domain", response="signal")
    with pytest.raises(ifrs.ImplantError, match="needs input_ids"):
        ifrs.mix([{"text": "hello"}], fps, tokenizer)
    with pytest.raises(ifrs.ImplantError, match="streams"):
        ifrs.mix(iter(ROWS), fps, tokenizer)
    with pytest.raises(ifrs.ImplantError, match="empty"):
        ifrs.mix([], fps, tokenizer)
    with pytest.raises(ifrs.ImplantError, match="no rows of a dataset"):
        ifrs.mix(ROWS, signal, tokenizer)
    with pytest.raises(ValueError, match="repeats"):
        ifrs.mix(ROWS, fps, tokenizer, repeats=0)
    with pytest.raises(ValueError, match="every"):
        ifrs.FingerprintCallback(fps, every=0)
