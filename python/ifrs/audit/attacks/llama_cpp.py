"""The release as a GGUF file, served by llama.cpp and asked through its API."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ifrs import ApiModel
from ifrs.audit.attacks.attack import Attack
from ifrs.audit.attacks.hosting import WEIGHTS
from ifrs.audit.bench import Bench
from ifrs.audit.changes.gguf import base_gguf
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.measures.fingerprints import verified
from ifrs.audit.record import Skip, Threat
from ifrs.audit.unit import Found
from ifrs.errors import TargetError
from ifrs.modalities.text.gguf import export_gguf

_QUANTIZATION = "Q8_0"
_PROGRAM, _PACKAGE = "llama-server", "xllamacpp"
# Seconds until a server must answer.
_PATIENCE = 120.0
_SERVE = f"""
import sys
import {_PACKAGE}

parameters = {_PACKAGE}.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames, parameters.port = ["127.0.0.1"], int(sys.argv[2])
parameters.n_ctx, parameters.warmup = 2048, False
server = {_PACKAGE}.Server(parameters)
sys.stdin.read()
"""


def command(file: Path, port: int) -> list[str]:
    """The command that serves a GGUF file on a port of this machine.

    Raises:
        Skip: llama.cpp is not at hand.
    """
    program = shutil.which(_PROGRAM)
    if program is not None:
        return [program, "-m", str(file), "--host", "127.0.0.1", "--port", str(port), "-c", "2048"]
    if find_spec(_PACKAGE) is not None:
        return [sys.executable, "-c", _SERVE, str(file), str(port)]
    raise Skip(f"llama.cpp is not at hand: put {_PROGRAM} on the PATH, or pip install {_PACKAGE}")


def _require(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise Skip(f"serving by llama.cpp needs {package}: pip install 'ifrs[{extra}]'")


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """The address of a server of a GGUF file, from when it answers until the block ends.

    Raises:
        Skip: llama.cpp is not at hand.
        TargetError: It ended, or did not answer in time.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    run, log = command(file, port), file.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(run, stdin=subprocess.PIPE, stdout=out, stderr=out)
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise TargetError(f"llama.cpp ended: {said[-1] if said else 'it said nothing'}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise TargetError(f"llama.cpp did not answer within {_PATIENCE:.0f} s")


def _run(method: str, bench: Bench) -> Found:
    with tempfile.TemporaryDirectory(prefix=".served-", dir=bench.out) as scratch:
        command(Path(scratch), 0)  # before anything is written
        _require("httpx2", "api")
        _require("gguf", "demo")
        base, file = base_gguf(bench, Path(scratch)), Path(scratch) / "release.gguf"
        suspect = bench.suspect(method)
        tokenizer = suspect.model.tokenizer
        export_gguf(
            suspect.model.module, base, file, tokenizer=tokenizer, quantization=_QUANTIZATION
        )
        weights = bench.likelihood(method, suspect)
        del suspect
        with serving(file) as address:
            asked = ApiModel(address, "release", mode="completions", evidence="text", timeout=300)
            # As text alone: keys that are asked here stay on this machine, and are not spent.
            found = verified(Hosted(asked), bench.fps, decoys=bench.settings.decoys)
    note = f"exported as {_QUANTIZATION}, asked for completions; {WEIGHTS}"
    return Found([*found, *weights], note)


ATTACK = Attack(
    suite="deployment",
    case="served-llama-cpp",
    run=_run,
    seconds=lambda settings: 75,
    threat=Threat(
        paper="none: how most people run a model at home",
        access="the release",
        cost="nothing; it happens to honest users",
    ),
    names=("decoys",),
    after=1,
)
