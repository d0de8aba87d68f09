"""The accelerator's bench runs, at a toy's size, wherever the tests do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

BENCH = Path(__file__).parents[2] / "benches" / "gpu_implant.py"


def test_a_toy_is_planted_and_measured():
    options = ["--shape", "toy", "--method", "emb", "--n", "2", "--learning-rate", "0.05"]
    done = subprocess.run(
        [sys.executable, BENCH, *options], capture_output=True, text=True, check=True
    )
    (line,) = done.stdout.splitlines()
    row = json.loads(line)
    assert (row["shape"], row["method"], row["fsr"]) == ("toy", "emb", 1.0), row
    assert row["seconds"] > 0
    assert row["peak_gb"] > 0
