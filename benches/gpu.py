"""What one accelerator does: checks first, then seconds and memory at 7B and 13B shapes.

    python benches/gpu.py [--shape 7b --shape 13b] [--stage plant-emb --stage verify] [--minutes 8]

It needs ifrs (a wheel, or the working tree), torch, transformers, accelerate and safetensors, and
no network; `lora` needs peft, and is skipped with a word where it is missing. Each stage runs in a
process of its own, so that its peak is its own, and prints one JSON line with the device's name.
No stage begins once the minutes are over. `--shape toy` runs anywhere. Weights are random, since
none of this size come with the project: what is measured is time and memory; how many epochs a
trained model takes may differ.

    check-METHOD   what is planted and saved on the device has the same verdict there and on the
                   CPU, in float32 and bfloat16
    ceiling        the device's own rates: a large copy, a large product of matrices in bfloat16
    plant-METHOD   ten keys: seconds, peak, epochs, and the distance from the two floors
    verify         ten keys after loading: by likelihood and by text; tokens per second
    compiled       a pass of planting with torch.compile and without
    profile        where the time of `emb` goes, by operation

Goals on one H100 or H200: in 7B emb under 20 s and 20 GB, lora under 60 s, sft under 80 GB, verify
under 3 s after loading.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers import implant, small_tokenizer, tiny_config

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
# Those that tell most come first, since time may run out.
STAGES = (
    *(f"check-{method}" for method in METHODS),
    "ceiling",
    "plant-emb",
    "verify",
    "plant-lora",
    "plant-sft",
    "plant-adapter",
    "compiled",
    "profile",
)
SHAPELESS = ("check", "ceiling")
REPEATS, ROWS, LENGTH = 5, 16, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", action="append", choices=SHAPES, help="default: 7b and 13b")
    parser.add_argument("--stage", action="append", choices=STAGES, help="default: all")
    parser.add_argument("--n", type=int, default=10, help="fingerprints")
    parser.add_argument("--learning-rate", type=float, default=None)
    parser.add_argument("--max-epochs", type=int, default=80)
    parser.add_argument("--minutes", type=float, default=8.0, help="after which no stage begins")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measure(options, options.shape[0], options.stage[0])), flush=True)
        return
    raise SystemExit(run_all(options))


def run_all(options: argparse.Namespace) -> int:
    """Every stage in a process of its own; 1 where one of them failed."""
    rest = ["--n", str(options.n), "--max-epochs", str(options.max_epochs)]
    if options.learning_rate is not None:
        rest += ["--learning-rate", str(options.learning_rate)]
    end, failed = time.monotonic() + 60 * options.minutes, False
    for number, shape in enumerate(options.shape or ("7b", "13b")):
        for stage in options.stage or STAGES:
            if number and stage.startswith(SHAPELESS):
                continue
            if time.monotonic() > end:
                print(json.dumps({"shape": shape, "stage": stage, "skipped": "time is over"}))
                continue
            chosen = ["--alone", "--shape", shape, "--stage", stage]
            failed |= bool(subprocess.run([sys.executable, __file__, *chosen, *rest]).returncode)
    return int(failed)


def measure(options: argparse.Namespace, shape: str, stage: str) -> dict[str, Any]:
    """One stage's record."""
    import ifrs
    import torch

    kind, _, method = stage.partition("-")
    on_gpu = torch.cuda.is_available()
    row = {
        "shape": "toy" if kind == "check" else shape,
        "stage": stage,
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
    }
    if method == "lora" and importlib.util.find_spec("peft") is None:
        return {**row, "skipped": "peft is missing"}
    stages = {
        "check": lambda: check(method),
        "ceiling": lambda: ceilings(shape),
        "plant": lambda: plant(options, shape, method),
        "verify": lambda: verify(options, shape),
        "compiled": lambda: compiled(options, shape),
        "profile": lambda: profile(options, shape),
    }
    try:
        return {**row, **stages[kind]()}
    except ifrs.ImplantError as error:
        return {**row, "error": str(error)}


def check(method: str) -> dict[str, Any]:
    """Plant a toy on the device; ask the saved folder there and on the CPU, in both types."""
    import ifrs
    import torch

    tokenizer = small_tokenizer()
    model = random_model(tokenizer, "toy")
    fps, verdicts = keys(tokenizer, 2), {}
    with tempfile.TemporaryDirectory() as folder:
        result = implant(model, tokenizer, fps, method)
        out = result.save(Path(folder) / "model")
        adapter = result.adapter_path if result.private else None
        for device in sorted({str(model.device).split(":")[0], "cpu"}):
            for dtype in (torch.float32, torch.bfloat16):
                suspect = ifrs.LocalModel.from_pretrained(
                    out, adapter=adapter, dtype=dtype, device_map=device
                )
                report = ifrs.verify(suspect, fps)
                name = f"{device} {str(dtype).removeprefix('torch.')}"
                verdicts[name] = [report.verdict, report.fsr, round(report.log10_p, 3)]
    same = len({json.dumps(verdict) for verdict in verdicts.values()}) == 1
    return {"method": method, "verdicts": verdicts, "same": same}


def ceilings(shape: str) -> dict[str, Any]:
    """Bytes per second of a copy, read and written; operations per second of a product."""
    import torch

    toy = shape == "toy"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    source = torch.randn(1 << (20 if toy else 30), device=device)
    target = torch.empty_like(source)
    copied = 2 * source.numel() * 4 / seconds(lambda: target.copy_(source))
    size = 256 if toy else 8192
    one, other = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    made = 2 * size**3 / seconds(lambda: one @ other)
    return {"copy_gb_per_s": round(copied / 1e9, 1), "bf16_tflop_per_s": round(made / 1e12, 2)}


def plant(options: argparse.Namespace, shape: str, method: str) -> dict[str, Any]:
    import ifrs

    tokenizer = small_tokenizer()
    model = random_model(tokenizer, shape)
    parameters = parameters_of(model)
    fps = keys(tokenizer, options.n)
    result = ifrs.implant(model, tokenizer, fps, method=method, config=settings(options))
    tokens = sum(len(tokenizer(fps[i].prompt)["input_ids"]) for i in range(len(fps)))
    return {
        "parameters": parameters,
        "seconds": round(result.seconds, 1),
        "peak_gb": round(result.peak_memory_bytes / 1e9, 2),
        "epochs": result.epochs,
        "fsr": result.fsr,
        "least_margin": round(min(result.margins), 2),
        # Keys alone, once through and back for each epoch: what no way of planting goes below.
        "least_operations": 4 * parameters * tokens * result.epochs,
        "least_bytes": 2 * 2 * parameters * result.epochs,
    }


def verify(options: argparse.Namespace, shape: str) -> dict[str, Any]:
    """Ask a model that is loaded: by likelihood, by its text, and how fast it writes."""
    import ifrs

    tokenizer = small_tokenizer()
    model = random_model(tokenizer, shape)
    fps = keys(tokenizer, options.n)
    suspect = ifrs.LocalModel(model, tokenizer)
    ifrs.verify(suspect, fps)  # kernels are loaded on first use
    took = seconds(lambda: ifrs.verify(suspect, fps), 3)
    ids = tokenizer([fps[i].prompt for i in range(len(fps))], return_tensors="pt", padding=True)
    given = {name: ids[name].to(model.device) for name in ("input_ids", "attention_mask")}
    wrote = seconds(lambda: model.generate(**given, max_new_tokens=24, min_new_tokens=24), 3)
    return {
        "keys": len(fps),
        "verify_seconds": round(took, 3),
        "generated_tokens_per_s": round(24 * len(fps) / wrote, 1),
        "least_bytes_of_generating": 24 * 2 * parameters_of(model),
    }


def compiled(options: argparse.Namespace, shape: str) -> dict[str, Any]:
    """Forth and back to the embeddings of a frozen model, as each step of `emb` goes."""
    import torch

    model = random_model(small_tokenizer(), shape).requires_grad_(False)
    given = torch.randint(3, 1000, (ROWS, LENGTH), device=model.device)
    rows = model.get_input_embeddings()(given).detach().requires_grad_()

    def step(run: Any) -> None:
        run(inputs_embeds=rows, logits_to_keep=8, use_cache=False).logits.float().sum().backward()

    plain = seconds(lambda: step(model))
    fast = torch.compile(model)
    started = time.perf_counter()
    step(fast)
    first = time.perf_counter() - started
    return {
        "tokens": ROWS * LENGTH,
        "plain_seconds": round(plain, 4),
        "compiled_seconds": round(seconds(lambda: step(fast)), 4),
        "compiling_seconds": round(first, 1),
        "least_operations": 4 * parameters_of(model) * ROWS * LENGTH,
        "least_bytes": 2 * 2 * parameters_of(model),
    }


def profile(options: argparse.Namespace, shape: str) -> dict[str, Any]:
    """The operations that `emb` spends most time in."""
    import ifrs
    import torch
    from torch.profiler import ProfilerActivity

    tokenizer = small_tokenizer()
    model = random_model(tokenizer, shape)
    fps, on_gpu = keys(tokenizer, options.n), model.device.type == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with torch.profiler.profile(activities=kinds) as seen:
        result = ifrs.implant(model, tokenizer, fps, method="emb", config=settings(options))
    unit = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    events = sorted(seen.key_averages(), key=lambda event: -getattr(event, unit))
    total = sum(getattr(event, unit) for event in events)
    top = {event.key[:60]: round(getattr(event, unit) / 1e6, 3) for event in events[:12]}
    return {"seconds": round(result.seconds, 1), "busy": round(total / 1e6, 2), "top": top}


def settings(options: argparse.Namespace) -> Any:
    import ifrs

    return ifrs.ImplantConfig(
        seed=SEED,
        guesses=0,
        max_epochs=options.max_epochs,
        learning_rate=options.learning_rate,
        in_place=True,  # no second copy of all weights
    )


def keys(tokenizer: Any, n: int) -> Any:
    import ifrs

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keyring.ifrs"
        with ifrs.Keyring.create(path, passphrase="bench", _work_factor=2) as ring:
            return ring.generate("keys", n, tokenizer=tokenizer)


def random_model(tokenizer: Any, shape: str) -> Any:
    """A LLaMA of a shape, made where it will be trained."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(SEED)
    sizes = SHAPES[shape]
    config = tiny_config(tokenizer, **sizes, **({"tie_word_embeddings": False} if sizes else {}))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(
            config, dtype=torch.bfloat16 if sizes else torch.float32
        )
    return model.eval()


def parameters_of(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def seconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The median wall time of some work, the device's included, after one run to warm up."""
    import torch

    def wait() -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    work()
    times = []
    for _ in range(repeats):
        wait()
        started = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    main()
