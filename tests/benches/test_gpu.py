"""The accelerator's bench runs, at a toy's size, wherever the tests do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

BENCH = Path(__file__).parents[2] / "benches" / "gpu.py"


def run(*stages):
    options = [word for stage in stages for word in ("--stage", stage)]
    done = subprocess.run(
        [sys.executable, BENCH, "--shape", "toy", "--n", "2", "--learning-rate", "0.05", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    return {row["stage"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_a_toy_is_planted_and_measured():
    row = run("plant-emb")["plant-emb"]
    assert (row["shape"], row["fsr"]) == ("toy", 1.0), row
    assert row["seconds"] > 0
    assert row["peak_gb"] > 0


@pytest.mark.slow
def test_what_was_planted_has_one_verdict_on_every_device():
    rows = run(*(f"check-{method}" for method in ("emb", "adapter", "lora", "sft")))
    for row in rows.values():
        assert row["same"], row
        assert len(row["verdicts"]) >= 2


@pytest.mark.slow
def test_all_other_stages_run():
    rows = run("ceiling", "verify", "compiled", "profile")
    assert rows["ceiling"]["copy_gb_per_s"] > 0
    assert rows["verify"]["verify_seconds"] > 0
    assert rows["compiled"]["compiled_seconds"] > 0
    assert rows["profile"]["top"]
