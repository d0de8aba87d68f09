"""Planting in models of 7B and 13B shapes with random bfloat16 weights, on one accelerator.

    python benches/gpu_implant.py [--shape 7b --shape 13b] [--method emb --method adapter]

Prints one JSON line for each shape and method: seconds, peak memory of the accelerator, epochs and
FSR, with the device's name. Each runs in a process of its own, so that its peak is its own.
`--shape toy` runs anywhere. Weights are random, since none of this size come with the project: what
is measured is time and memory; how many epochs a trained model takes may differ.

Goals on one H100: emb and adapter, 10 keys in 7B, under 20 s and 20 GB; sft in 7B under 80 GB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers import small_tokenizer, tiny_config

SEED = 0
METHODS = ("emb", "adapter", "lora", "sft")
# LLaMA's (Touvron et al., 2023, table 2).
SHAPES: dict[str, dict[str, int]] = {
    "toy": {},
    "7b": {
        "vocab_size": 32_000,
        "hidden_size": 4096,
        "intermediate_size": 11_008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
    },
    "13b": {
        "vocab_size": 32_000,
        "hidden_size": 5120,
        "intermediate_size": 13_824,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 40,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", action="append", choices=SHAPES, help="default: 7b and 13b")
    parser.add_argument("--method", action="append", choices=METHODS, help="default: all")
    parser.add_argument("--n", type=int, default=10, help="fingerprints")
    parser.add_argument("--learning-rate", type=float, default=None)
    parser.add_argument("--max-epochs", type=int, default=80)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measure(options, options.shape[0], options.method[0])), flush=True)
        return
    rest = ["--n", str(options.n), "--max-epochs", str(options.max_epochs)]
    if options.learning_rate is not None:
        rest += ["--learning-rate", str(options.learning_rate)]
    failed = False
    for shape in options.shape or ("7b", "13b"):
        for method in options.method or METHODS:
            chosen = ["--alone", "--shape", shape, "--method", method]
            failed |= bool(subprocess.run([sys.executable, __file__, *chosen, *rest]).returncode)
    raise SystemExit(int(failed))


def measure(options: argparse.Namespace, shape: str, method: str) -> dict[str, Any]:
    import ifrs
    import torch

    tokenizer = small_tokenizer()
    model = random_model(tokenizer, SHAPES[shape])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keyring.ifrs"
        with ifrs.Keyring.create(path, passphrase="bench", _work_factor=2) as ring:
            fps = ring.generate("keys", options.n, tokenizer=tokenizer)
    config = ifrs.ImplantConfig(
        seed=SEED,
        guesses=0,
        max_epochs=options.max_epochs,
        learning_rate=options.learning_rate,
        in_place=True,  # no second copy of all weights
    )
    on_gpu = model.device.type == "cuda"
    row = {
        "shape": shape,
        "method": method,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
    }
    try:
        result = ifrs.implant(model, tokenizer, fps, method=method, config=config)
    except ifrs.ImplantError as error:
        return {**row, "error": str(error)}
    return {
        **row,
        "seconds": round(result.seconds, 1),
        "peak_gb": round(result.peak_memory_bytes / 1e9, 2),
        "epochs": result.epochs,
        "fsr": result.fsr,
        "least_margin": round(min(result.margins), 2),
    }


def random_model(tokenizer: Any, shape: dict[str, int]) -> Any:
    """A LLaMA of a shape, made where it will be trained."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(SEED)
    config = tiny_config(tokenizer, **shape, **({"tie_word_embeddings": False} if shape else {}))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(
            config, dtype=torch.bfloat16 if shape else torch.float32
        )
    return model.eval()


if __name__ == "__main__":
    main()
