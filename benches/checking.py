"""What `ifrs.check` costs on the largest bundles that it takes: seconds, memory, Ctrl-C.

Each bundle is checked in a process of its own. Memory is the highest resident set beyond
that of the same process before the check, as a multiple of the bundle's JSON.

    python benches/checking.py
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ifrs
import numpy as np
from ifrs import _core
from ifrs.modalities.suspect import Likelihoods

LARGEST = 64 << 20  # bytes of a bundle's JSON

CHECK = """
import sys, time, ifrs
def kept(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))
before = kept("VmRSS")
started = time.perf_counter()
result = ifrs.check(sys.argv[1], sys.argv[2])
seconds = time.perf_counter() - started
print(result.ok, result.verdict, len(result.queries), seconds, (kept("VmHWM") - before) * 1024)
print(*result.problems[:1])
"""


class Speaker:
    """Answers as a function of the prompt says."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer

    def answers(self, prompts: list[str], **_: object) -> list[str]:
        return [self.answer(prompt) for prompt in prompts]

    def describe(self) -> dict[str, str]:
        return {"kind": "local", "name": "suspect"}


class Thinker(Speaker):
    """Shows probabilities of all words, too."""

    def likelihoods(self, fps: ifrs.FingerprintSet, indices: list[int]) -> Likelihoods:
        words = len(_core.response_words())
        random = np.random.default_rng(1)
        scores = random.normal(-12, 2, (len(indices), 2, words)).astype(np.float32)
        return Likelihoods(scores, np.zeros(len(indices), dtype=bool))


def main() -> None:
    words = _core.response_words()
    dice = random.Random(1)
    wordy = " ".join(dice.choice(words) for _ in range(4_000))[:16_384]
    cases = {
        "likelihood, as many keys as fit": (2_700, 4095, Thinker(lambda _: "Hm.")),
        "text, 4,095 decoys, short answers": (2_300, 4095, Speaker(lambda _: "It says no.")),
        "text, 4,095 decoys, longest answers": (140, 4095, Speaker(lambda _: wordy)),
        "text, 65,535 decoys, longest answers": (8, 65_535, Speaker(lambda _: wordy)),
        "text, 65,535 decoys, wide letters": (8, 65_535, Speaker(lambda _: "\ufdfa" * 900)),
        "shared, longest answers": (1_200, 4095, Speaker(lambda _: "\U0001f600 " * 5_000)),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (n, decoys, suspect) in cases.items():
            paths = made(Path(folder), n, decoys, suspect, shared=name.startswith("shared"))
            size = paths[0].stat().st_size
            done = subprocess.run(
                [sys.executable, "-c", CHECK, *map(str, paths)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            first, problem = done.stdout.splitlines()[:2]
            ok, *verdict, keys, seconds, memory = first.split()
            print(
                f"{name}: {size / 2**20:.1f} MiB, {keys} keys, ok {ok}, {' '.join(verdict)}: "
                f"{float(seconds):.2f} s, {float(memory) / size:.1f} times the file; "
                f"Ctrl-C after {interrupted(paths):.2f} s {problem}",
                flush=True,
            )


def made(folder: Path, n: int, decoys: int, suspect: Speaker, *, shared: bool) -> tuple[Path, Path]:
    """A bundle and its claim."""
    kept = folder / f"{n}-{decoys}-{shared}"
    kept.mkdir(exist_ok=True)
    (kept / "ring").unlink(missing_ok=True)
    ring = ifrs.Keyring.create(kept / "ring", passphrase="bench", _work_factor=4)
    fps = ring.generate("one", n, source="natural", response="shared" if shared else "unique")
    claim = ring.claim("one", subject={"model.safetensors": "11" * 32})
    report = ifrs.verify(suspect, fps, sequential=False, decoys=decoys)
    claim.save(kept / "claim.json")
    report.evidence(claim).save(kept / "bundle.json")
    ring.close()
    data = json.loads((kept / "bundle.json").read_text())
    (kept / "bundle.json").write_text(json.dumps(data, ensure_ascii=False))
    assert (kept / "bundle.json").stat().st_size <= LARGEST
    return kept / "bundle.json", kept / "claim.json"


def interrupted(paths: tuple[Path, Path]) -> float:
    """Seconds from Ctrl-C to the end of a check that has only begun; 0 where it ended before."""
    code = "import sys, ifrs; print(flush=True); ifrs.check(sys.argv[1], sys.argv[2])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, paths)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)
    started = time.perf_counter()
    ended = process.poll() is not None
    process.send_signal(signal.SIGINT)
    process.wait()
    return 0.0 if ended else time.perf_counter() - started


if __name__ == "__main__":
    main()
