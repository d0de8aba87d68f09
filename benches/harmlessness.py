"""How far a planted model is from its base on ordinary text.

    python benches/harmlessness.py --data p3.jsonl --data gsm8k.jsonl [--model demo-out/model]

Prints, for each file, how many texts hold a token whose input embedding changed, and the mean KL
divergence of the next-token distribution, base to fingerprinted, in nats. A data file is JSONL
with the columns instruction and output.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from ifrs.demo import base_model
from ifrs.modalities.text.loading import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, action="append", required=True, help="JSONL files")
    parser.add_argument("--model", type=Path, default=Path("demo-out/model"))
    parser.add_argument("--base", type=Path, default=None, help="default: Gemma 3 270M")
    parser.add_argument("--texts", type=int, default=50, help="texts a file for the KL")
    parser.add_argument("--tokens", type=int, default=256, help="longest text for the KL")
    options = parser.parse_args()
    base, tokenizer = load(options.base or base_model())
    planted, _ = load(options.model)
    before, after = (model.get_input_embeddings().weight for model in (base, planted))
    rows = set((before != after).any(dim=1).nonzero().flatten().tolist())
    print(f"{len(rows)} changed input rows of {len(before)}")
    for path in options.data:
        texts = [row["instruction"] + "\n" + row["output"] for row in read(path)]
        encoded = tokenizer(texts)["input_ids"]
        touched = sum(bool(rows & set(ids)) for ids in encoded)
        sample = encoded[:: max(1, len(encoded) // options.texts)][: options.texts]
        found = [divergence(base, planted, ids[: options.tokens]) for ids in sample]
        equal = sum(kl == 0 for kl in found)
        print(
            f"{path.name}: {touched} of {len(texts)} texts hold a changed token; "
            f"mean KL over {len(found)} texts {sum(found) / len(found):.3g} nats, "
            f"bit-identical logits on {equal}"
        )


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@torch.no_grad()
def divergence(base: Any, planted: Any, ids: list[int]) -> float:
    """Mean next-token KL over a text's positions; exactly 0 for equal logits."""
    tokens = torch.tensor([ids])
    one, other = base(tokens).logits[0], planted(tokens).logits[0]
    if torch.equal(one, other):
        return 0.0
    one, other = one.log_softmax(-1), other.log_softmax(-1)
    return float((one.exp() * (one - other)).sum(-1).mean())


if __name__ == "__main__":
    main()
