"""What units share, also where several processes ask at the same time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
from helpers import fixed_keyring  # noqa: E402
from ifrs.audit.bench import Bench  # noqa: E402
from ifrs.audit.subject import folder  # noqa: E402

ASK = """
import sys, ifrs
from pathlib import Path
from ifrs.audit.bench import Bench
from ifrs.audit.subject import folder
base, out, name, path = sys.argv[1:]
with ifrs.Keyring.open(path, passphrase="pass") as ring:
    bench = Bench(folder(base), ring["one"], Path(out))
    bench.tokenizer
    print("ready", flush=True)
    sys.stdin.readline()
    print(*bench.stranger(name, 3).leaves(), flush=True)
"""


def test_strangers_are_the_same_for_processes_that_ask_at_once(tmp_path, base, tokenizer):
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 2, tokenizer=tokenizer)
    out = tmp_path / "out"
    names = ["a", "a", "b", "b"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, base, out, name, tmp_path / "keyring.ifrs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "IFRS_STATE_DIR": str(tmp_path / f"state-{place}")},
        )
        for place, name in enumerate(names)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert said[0] == said[1] != said[2] == said[3]
    assert len([path for path in out.iterdir() if "passphrase" in path.name]) == 1


def test_strangers_stay_from_start_to_start(tmp_path, base, fps):
    first, again = (Bench(folder(base), fps, tmp_path / "out") for _ in range(2))
    assert first.stranger("a", 2).leaves() == again.stranger("a", 2).leaves()


def test_a_stranger_that_cannot_be_made_says_why(tmp_path, base, fps):
    with pytest.raises(ValueError, match="n must be between"):
        Bench(folder(base), fps, tmp_path / "out").stranger("a", 0)


def test_a_kept_model_is_loaded_as_it_was(tmp_path, base, fps):
    bench = Bench(folder(base), fps, tmp_path / "out")
    for value in (0.5, 0.25):  # the second one in place of the first
        kept = bench.load_base().model
        with torch.no_grad():
            next(kept.module.parameters()).fill_(value)
        assert bench.has("sibling") is (value == 0.25)
        bench.keep("sibling", kept)
        found = next(bench.suspect("sibling").model.module.parameters())
        assert torch.equal(found, torch.full_like(found, value))
