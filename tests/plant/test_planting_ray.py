"""Many sets at the same time: the example of planting with Ray."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ifrs
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "plant_with_ray.py"


@pytest.mark.slow
def test_the_example_plants_each_set_in_its_own_release(tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "out"

    def run(*arguments):
        return subprocess.run(
            [sys.executable, EXAMPLE, "--out", out, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    done = run("one", "two")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("FSR 100%") == 2
    given = ["--model", out / "model", "--keyring", out / "keyring.ifrs"]
    given += ["--passphrase-file", out / "passphrase.txt"]
    passphrase = (out / "passphrase.txt").read_text()
    with ifrs.Keyring.open(out / "keyring.ifrs", passphrase=passphrase) as ring:
        target = ifrs.LocalModel.from_pretrained(out / "two")
        assert ifrs.verify(target, ring["two"]).verdict == "match"
        assert ifrs.verify(target, ring["one"]).verdict == "no match"
    # What is there stays; a set that is not is said, and does not end the others.
    again = run(*given, "one", "none")
    assert again.returncode == 1
    assert "one: is there already" in again.stdout
    assert "none: failed, KeyError" in again.stdout
