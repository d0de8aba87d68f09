"""Saving a release of `emb` beside copying the folder that the model came from.

    python benches/release.py [--layers 24] [--out DIR]

The folder holds random bfloat16 weights of LLaMA's 7B shape with so many layers (24 are 10 GB), a
layer in each file. The model is loaded, some rows of its input embeddings change, as `emb` changes
them, and the release is written as `result.save` writes it. In turns: `cp -r`, ours; each followed
by a sync. Prints seconds, their ratio, and by how much our process grew while it wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS, SEED, ROUNDS, PAUSE = 20, 0, 3, 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--out", type=Path, default=None, help="where a temporary folder is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as scratch:
        base = Path(scratch, "base")
        make(base, options.layers, options.width)
        measure(base, changed_model(base))


def make(base: Path, layers: int, width: int) -> None:
    """A folder of random weights; one file of them is in memory at a time."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, LlamaConfig

    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=width,
        intermediate_size=width * 43 // 16,
        num_hidden_layers=layers,
        num_attention_heads=width // 128,
        num_key_value_heads=width // 128,
        dtype="bfloat16",
    )
    config.save_pretrained(base)
    with torch.device("meta"):
        shapes = {
            n: t.shape for n, t in AutoModelForCausalLM.from_config(config).named_parameters()
        }
    parts: dict[str, list[str]] = {}
    for name in shapes:
        parts.setdefault(name.split(".")[2] if ".layers." in name else "rest", []).append(name)
    places, drawn = {}, torch.Generator().manual_seed(SEED)
    for number, names in enumerate(parts.values(), 1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        tensors = {n: torch.randn(shapes[n], generator=drawn).bfloat16() for n in names}
        save_file(tensors, base / file, metadata={"format": "pt"})
        places |= dict.fromkeys(names, file)
    index = {"metadata": {}, "weight_map": places}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))


def changed_model(base: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    with torch.no_grad():
        model.get_input_embeddings().weight[:ROWS] += 1
    return model


def measure(base: Path, model: Any) -> None:
    from ifrs.runtime.release import write_release

    ours, theirs, grown = [], [], 0
    copy, release = base.with_name("copy"), base.with_name("release")
    for _ in range(ROUNDS):
        theirs.append(seconds(lambda: subprocess.run(["cp", "-r", base, copy], check=True)))
        release.mkdir()
        with watched() as most:
            ours.append(seconds(lambda: write_release(model, release, [])))
        grown = max(grown, most())
        shutil.rmtree(copy)
        shutil.rmtree(release)
    size = sum(path.stat().st_size for path in base.iterdir())
    row = {
        "gigabytes": round(size / 1e9, 2),
        "cp_seconds": [round(t, 2) for t in theirs],
        "save_seconds": [round(t, 2) for t in ours],
        "ratio_of_medians": round(statistics.median(ours) / statistics.median(theirs), 2),
        "grown_megabytes": round(grown / 1e6),
    }
    print(json.dumps(row))


def seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    os.sync()
    return time.perf_counter() - started


class watched:  # noqa: N801
    """Watches how much larger this process gets."""

    def __enter__(self) -> Callable[[], int]:
        self._start = self._most = resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return lambda: self._most - self._start

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            self._most = max(self._most, resident())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def resident() -> int:
    """Anonymous memory of this process, in bytes: pages of files are the system's to drop."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
