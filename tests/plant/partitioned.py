"""Run by `accelerate launch` in two processes: plants by emb where ZeRO-3 partitioned the weights.

Before that, the first process plants by itself in a model of its own, for the test to compare.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import deepspeed
import ifrs
import pytest
import torch
from ifrs.runtime.partitioned import gathered_state
from torch import distributed
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.integrations import HfDeepSpeedConfig

SETTINGS: dict[str, Any] = {
    "train_micro_batch_size_per_gpu": 1,
    # Weights of so small a model would stay whole otherwise.
    "zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 0},
}
ADAM = {"optimizer": {"type": "AdamW", "params": {"lr": 1e-4, "torch_adam": True}}}
CONFIG: dict[str, Any] = {
    "learning_rate": 0.1,
    "margin": 0.3,
    "guesses": 10,
    "batch_size": 2,
    "negatives": 2,
    "max_epochs": 200,
}
# Method, settings, what the refusal says.
REFUSED = [
    ("sft", {}, "method='emb'"),
    ("lora", {}, "method='emb'"),
    ("adapter", {}, "method='emb'"),
    ("emb", {"tied": True}, "without tied=True"),
    ("emb", {"harden": "tuning"}, "harden change weights"),
    ("emb", {"noise": 0.01}, "harden change weights"),
]


class Run:
    """One process of two, and what it plants.

    Attributes:
        partitioning: While it is there, `from_pretrained` partitions.
    """

    partitioning: HfDeepSpeedConfig

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tied")
        self.fps = ifrs.Keyring.open(folder / "keyring.ifrs", passphrase="pass")["one"]

    def plant(self, model: Any, method: str = "emb", **changes: Any) -> ifrs.ImplantResult:
        config = ifrs.ImplantConfig(**{**CONFIG, **changes})
        return ifrs.implant(model, self.tokenizer, self.fps, method=method, config=config)

    def base(self, kind: str) -> Any:
        return AutoModelForCausalLM.from_pretrained(self.folder / kind)

    def engine(self, kind: str, **settings: Any) -> Any:
        model = self.base(kind)
        assert model.get_input_embeddings().weight.numel() == 0
        given = {"model_parameters": model.parameters()} if settings else {}
        return deepspeed.initialize(model=model, config={**SETTINGS, **settings}, **given)[0]

    def verdict(self, engine: Any) -> str:
        model = ifrs.LocalModel(engine.module, self.tokenizer)
        return ifrs.verify(model, self.fps).verdict

    def alone(self) -> None:
        for kind in ("tied", "untied"):
            self.plant(self.base(kind)).save(self.folder / f"{kind}-alone")

    def together(self) -> None:
        for kind in ("tied", "untied"):
            engine = self.engine(kind)
            self.plant(engine).save(self.folder / f"{kind}-together")
            assert self.verdict(engine) == "match"

    def undone(self) -> None:
        """What fails leaves the model as it was, and what works is undone by what fails after."""
        engine = self.engine("tied")
        before = gathered_state(engine.module)
        with pytest.raises(ifrs.ImplantError, match="raise max_epochs"):
            self.plant(engine, max_epochs=1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ifrs.plant.methods.emb.Emb.written", interrupted)
            with pytest.raises(KeyboardInterrupt):
                self.plant(engine)
        after = gathered_state(engine.module)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert (
            engine.module.get_output_embeddings().weight is engine.module.model.embed_tokens.weight
        )

    def trained_on(self) -> None:
        """The engine's optimizer goes on from the planted rows."""
        engine = self.engine("untied", **ADAM)
        self.plant(engine)
        ids = torch.arange(100, 112)[None]
        engine.train()
        engine.backward(engine(input_ids=ids, labels=ids).loss)
        engine.step()
        engine.eval()
        assert self.verdict(engine) == "match"

    def refused(self) -> None:
        engine = self.engine("tied")
        for method, changes, said in REFUSED:
            with pytest.raises(ifrs.ImplantError, match=said):
                self.plant(engine, method, **changes)
        held = deepspeed.zero.GatheredParameters(list(engine.module.parameters()))
        with held, pytest.raises(ifrs.ImplantError, match="leave it first"):
            self.plant(engine)
        with pytest.raises(ifrs.ImplantError, match=r"deepspeed\.initialize"):
            self.plant(self.base("tied"))


def interrupted(_: Any) -> bool:
    raise KeyboardInterrupt


def main() -> None:
    run = Run(Path(sys.argv[1]))
    if os.environ["RANK"] == "0":
        run.alone()
    # Its own transport between processes of one machine would be compiled; gloo is enough.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo")
    assert distributed.get_world_size() == 2
    run.partitioning = HfDeepSpeedConfig(SETTINGS)
    run.together()
    run.undone()
    run.trained_on()
    run.refused()
    distributed.destroy_process_group()


main()
