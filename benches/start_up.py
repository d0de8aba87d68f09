"""Wall and processor time of short commands, and of `ifrs verify URL` until it asks.

The first request asks for the server's models. The keyring is opened after it; that takes a second
or more by intent, and does not count here.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import ifrs

ROUNDS = 9
IFRS = [sys.executable, "-m", "ifrs"]
VECTORS = Path(__file__).parents[1] / "tests/vectors/v3"
# Ends where the first request would leave.
ASKING = """
import os, sys, httpx2
async def send(self, request, **_):
    os._exit(0)
httpx2.AsyncClient.send = send
from ifrs.cli import main
main(sys.argv[1:])
sys.exit("nothing was asked")
"""


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall and processor time of a command in a process of its own."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """What is measured, by what is typed for it."""
    path, texts, patterns = folder / "k.ifrs", folder / "texts.txt", folder / "patterns.txt"
    with ifrs.Keyring.create(path, passphrase="pass", _work_factor=2) as ring:
        ring.generate("one", 10)
    texts.write_text("hello world\n")
    patterns.write_text("hello\n")
    pair = [str(VECTORS / kind / "chat.json") for kind in ("bundles", "claims")]
    yield "import ifrs", [sys.executable, "-c", "import ifrs"]
    yield "ifrs --version", [*IFRS, "--version"]
    yield "ifrs --help", [*IFRS, "--help"]
    yield "ifrs check BUNDLE CLAIM", [*IFRS, "check", *pair]
    yield "ifrs keyring journal KEYRING", [*IFRS, "keyring", "journal", str(path)]
    yield "ifrs score TEXTS", [*IFRS, "score", str(texts), "--patterns", str(patterns)]
    verify = ["verify", "http://127.0.0.1:9/v1", str(path), "one"]
    yield "ifrs verify URL, until it asks", [sys.executable, "-c", ASKING, *verify]


def main() -> None:
    os.environ["IFRS_PASSPHRASE"] = "pass"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFRS_STATE_DIR"] = folder
        known = list(commands(Path(folder)))
        rounds = [[seconds(command) for _, command in known] for _ in range(ROUNDS)]
    for (name, _), times in zip(known, zip(*rounds, strict=True), strict=True):
        wall, processor = (min(column) for column in zip(*times, strict=True))
        print(f"{name:32} least wall {wall:.2f} s, least processor {processor:.2f} s")


if __name__ == "__main__":
    main()
