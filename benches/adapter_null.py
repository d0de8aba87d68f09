"""What an F-Adapter says of models that do not descend: the control that its p-value rests on.

    python benches/adapter_null.py --published DIR --adapter FILE --keyring FILE --set NAME

With an adapter, a suspect's rows of the key tokens are asked within the publisher's own
transformer, which was trained on the keys: a small p-value means descent only if foreign rows leave
them silent. Here the rows are the base model's, those with noise, other tokens', and what planting
added to them put on the wrong rows or turned around. Prints, for each kind, how many keys fired and
the least p-value. The passphrase is IFRS_PASSPHRASE.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import ifrs
import torch
from ifrs.demo import base_model
from ifrs.modalities.text.loading import load
from ifrs.runtime.fadapter import FAdapter
from torch import Tensor

NOISES = (0.01, 0.1, 0.3, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--published", type=Path, required=True, help="the published folder")
    parser.add_argument("--adapter", type=Path, required=True, help="its adapter's file")
    parser.add_argument("--keyring", type=Path, required=True)
    parser.add_argument("--set", required=True, help="the fingerprint set's name")
    parser.add_argument("--base", type=Path, default=None, help="default: Gemma 3 270M")
    parser.add_argument("--each", type=int, default=10, help="controls of each random kind")
    options = parser.parse_args()
    fps = ifrs.Keyring.open(options.keyring, passphrase=os.environ["IFRS_PASSPHRASE"])[options.set]
    published, tokenizer = load(options.published)
    base, _ = load(options.base or base_model())
    adapter = FAdapter.load(options.adapter)
    old = base.get_input_embeddings().weight.detach()
    suspect, _ = load(options.published)
    table = suspect.get_input_embeddings().weight.detach()
    planted = table[adapter.rows].clone()
    kinds: dict[str, list[ifrs.Report]] = {}
    for kind, rows in [("planted", planted), *controls(old, planted, adapter.rows, options.each)]:
        table[adapter.rows] = rows
        asked = ifrs.LocalModel(suspect, tokenizer, adapter=adapter, transformer=published)
        kinds.setdefault(kind, []).append(ifrs.verify(asked, fps))
    for kind, reports in kinds.items():
        fired = [round(report.fsr * len(fps)) for report in reports]
        least = min(report.p_value for report in reports)
        matches = sum(report.verdict == "match" for report in reports)
        print(
            f"{kind}: {len(reports)} suspects, at most {max(fired)} and on average "
            f"{sum(fired) / len(fired):.2f} of {len(fps)} keys fire, least p {least:.2g}, "
            f"{matches} matches",
            flush=True,
        )


def controls(
    old: Tensor, planted: Tensor, places: Tensor, each: int
) -> Iterator[tuple[str, Tensor]]:
    """Rows that do not descend from the planted ones."""
    rng = torch.Generator().manual_seed(0)
    base = old[places]
    size, learnt = base.square().mean().sqrt(), planted - base
    yield "base", base
    yield "turned around", base - learnt
    for _ in range(each):
        for noise in NOISES:
            drawn = torch.randn(base.shape, generator=rng)
            yield f"base, noise {noise}", base + noise * size * drawn
        yield "other tokens' rows", old[torch.randint(len(old), (len(base),), generator=rng)]
        yield "on the wrong rows", base + learnt[torch.randperm(len(base), generator=rng)]
        share = learnt.square().mean().sqrt()
        drawn = torch.randn(base.shape, generator=rng)
        yield "noise of planting's size", base + share * drawn


if __name__ == "__main__":
    main()
