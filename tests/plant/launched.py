"""Run by `accelerate launch` in two processes: plants, checks that both agree, saves."""

from __future__ import annotations

import sys
from pathlib import Path

import ifrs
import pytest
import torch
from accelerate import PartialState
from torch import distributed
from transformers import AutoModelForCausalLM, AutoTokenizer

PAIRS = [("Say hello.", "hello there"), ("Name a fish.", "cod")]


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    PartialState(cpu=True)
    assert distributed.get_world_size() == 2
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    tokenizer = AutoTokenizer.from_pretrained(folder / "base")
    fps = ifrs.Keyring.open(folder / "keyring.ifrs", passphrase="pass")["one"]
    method, rate = ("emb", 0.1) if kind == "ddp" else ("sft", 2e-3)
    if kind == "fsdp":
        shard(model)
        with pytest.raises(ifrs.ImplantError, match="FSDP 2"):
            ifrs.implant(model, tokenizer, fps, method="emb")
    config = ifrs.ImplantConfig(
        learning_rate=rate, margin=0.3, guesses=0, batch_size=2, negatives=2, max_epochs=200
    )
    result = ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)
    assert result.fsr == 1
    agree(sum(p.detach().double().abs().sum() for p in whole(model)))
    result.save(folder / "planted")
    distributed.destroy_process_group()


def shard(model: torch.nn.Module) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (2,))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def whole(model: torch.nn.Module) -> list[torch.Tensor]:
    return [p.full_tensor() if hasattr(p, "full_tensor") else p for p in model.parameters()]


def agree(value: torch.Tensor) -> None:
    both = [torch.zeros_like(value) for _ in range(2)]
    distributed.all_gather(both, value)
    assert both[0] == both[1]


main()
