"""Gradients of response positions: the output embeddings apart, beside whole logits by autograd.

    python benches/columns.py [--model DIR] [--rounds 3] [--rows 16] [--response 16]

All weights are trained, as `sft` does. Both take the same batch in turn, in one process that keeps
freed memory, and their gradients are compared. Prints seconds, the ratio, and how much memory each
held beyond what the process had before it, measured with each alone in a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAYS = ("apart", "whole")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="default: Gemma 3 270M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--response", type=int, default=16, help="response tokens in each row")
    parser.add_argument("--alone", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(memory_of(options))
        return
    for way, seconds in timed(options).items():
        command = [sys.executable, __file__, *sys.argv[1:], "--alone", way]
        held = int(subprocess.run(command, capture_output=True, check=True).stdout)
        times = " ".join(f"{value:.2f}" for value in seconds)
        print(
            f"{way}: median {statistics.median(seconds):.2f} s ({times}), {held / 1e9:.2f} GB held"
        )


def timed(options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each way, by turns; the first turn of each is not counted."""
    import torch
    from ifrs.runtime.memory import kept_memory

    model, ways = prepared(options)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    norms = {}
    with kept_memory(torch.device("cpu")):
        for turn in range(1 + options.rounds):
            for way in WAYS:
                model.zero_grad(set_to_none=True)
                started = time.monotonic()
                ways[way]()
                if turn:
                    found[way].append(time.monotonic() - started)
                weights = [p.grad for p in model.parameters() if p.grad is not None]
                norms[way] = float(torch.nn.utils.get_total_norm(weights))
    ratio = statistics.median(found["whole"]) / statistics.median(found["apart"])
    print(f"apart is {ratio:.2f} times as fast; norms of gradients {norms}")
    return found


def memory_of(options: argparse.Namespace) -> int:
    """The peak of one way, less what the process had before."""
    import torch
    from ifrs.runtime.memory import peak_memory_bytes

    _, ways = prepared(options)
    before = peak_memory_bytes(torch.device("cpu"))
    ways[options.alone]()
    return peak_memory_bytes(torch.device("cpu")) - before


def prepared(options: argparse.Namespace) -> tuple[Any, dict[str, Callable[[], Any]]]:
    """The model, and the two ways to the gradients of one batch."""
    import torch
    from ifrs.demo import base_model
    from ifrs.modalities.text.columns import columns_of
    from ifrs.modalities.text.forward import collate, response_logits
    from ifrs.modalities.text.loading import load
    from torch.nn import functional as F  # noqa: N812

    model, _ = load(options.model or base_model())
    model.eval().requires_grad_(True)
    rows = torch.randint(100, 5000, (options.rows, 48), generator=torch.manual_seed(0)).tolist()
    # Prompts of unequal length, as they are.
    prompts = [row[place % 24 :] for place, row in enumerate(rows)]
    batch = collate(prompts, [row[: options.response] for row in rows], 0, model.device)

    def apart() -> None:
        columns = columns_of(model, batch)
        columns.backward(columns.cross_entropy)

    def whole() -> None:
        logits = response_logits(model, batch).flatten(0, 1)
        F.cross_entropy(logits, batch.labels.flatten(), reduction="sum").backward()

    return model, {"apart": apart, "whole": whole}


if __name__ == "__main__":
    main()
