"""Every architecture with every method: planted, saved, reloaded, verified."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from architectures import ARCHITECTURES, build  # noqa: E402

PAIRS = [("Say hello.", "hello there"), ("What is two plus two?", "four"), ("Name a fish.", "cod")]
SHARED = {"margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0, "max_epochs": 200}
# Random weights need larger steps than trained ones.
SETTINGS = {
    "emb": {"learning_rate": 0.1},
    "adapter": {"learning_rate": 5e-2},
    "lora": {"learning_rate": 1e-2},
    "sft": {"learning_rate": 2e-3},
}
OWN_SETTINGS = {
    ("mixtral", "adapter"): {"learning_rate": 2e-2},
    ("mamba", "adapter"): {"learning_rate": 3e-2},
}
# Embeddings of T5 begin five times as large as others.
for name in ("t5", "mt5"):
    OWN_SETTINGS[name, "emb"] = OWN_SETTINGS[name, "adapter"] = {"learning_rate": 0.3}
    OWN_SETTINGS[name, "lora"] = {"learning_rate": 3e-3}
CASES = [
    pytest.param(name, method, id=f"{name}-{method}")
    for name in ARCHITECTURES
    for method in SETTINGS
]


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_planted_saved_reloaded_verified(tmp_path, tokenizer, fps, name, method):
    model = build(name, tokenizer)
    config = ifrs.ImplantConfig(
        **{**SHARED, **SETTINGS[method], **OWN_SETTINGS.get((name, method), {})}
    )
    result = ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)
    assert result.fsr == 1
    folder = result.save(tmp_path / "model")
    suspect = ifrs.LocalModel.from_pretrained(folder, adapter=result.adapter_path)
    report = ifrs.verify(suspect, fps)
    assert report.fsr == 1
    assert report.verdict == "match"
    if method == "adapter":
        alone = ifrs.verify(ifrs.LocalModel.from_pretrained(folder), fps)
        assert alone.fsr == 0
