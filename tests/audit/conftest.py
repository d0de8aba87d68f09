"""A tiny base model on disk, a set, data files, and settings that take seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
from ifrs.audit import Settings

# Random weights need larger steps than trained ones, and give smaller margins.
PLANTING = {
    "emb": {"learning_rate": 5e-2, "margin": 0.5, "max_epochs": 600},
    "sft": {"learning_rate": 2e-3, "margin": 0.5, "negatives": 20},
    "adapter": {"learning_rate": 5e-2, "margin": 0.5, "max_epochs": 300},
    "lora": {"learning_rate": 5e-3, "margin": 0.5, "max_epochs": 300, "negatives": 20},
}
SMALL = Settings(
    steps=4,
    batch=2,
    length=48,
    readings=3,
    items=4,
    texts=3,
    tokens=24,
    guesses=16,
    draws=1,
    strangers=20,
    prompts=16,
    erasing=8,
    decoys=63,
    dtype="float32",
)


@pytest.fixture(scope="session")
def base(tmp_path_factory, tokenizer) -> Path:
    import torch
    from helpers import tiny_config
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("audit") / "tiny-base"
    AutoModelForCausalLM.from_config(tiny_config(tokenizer)).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 4, tokenizer=tokenizer)


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    sums = [
        {"instruction": f"What is {a} plus {b}?", "output": f"It is {a + b}."}
        for a in range(6)
        for b in range(4)
    ]
    words = [{"instruction": f"Say {w}.", "output": w} for w in ("cod", "eel", "hake", "ray")]
    items = [
        {
            "task": task,
            "question": f"Which is number {k} of the {task}?",
            "choices": ["one", "number two of them", "three"],
            "answer": k % 3,
        }
        for task in ("letters", "numbers")
        for k in range(5)
    ]
    for name, rows in {"sums": sums, "words_test": words, "quiz": items}.items():
        lines = [json.dumps(row) + "\n" for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder
