"""Every architecture with every method: planted, saved, reloaded, verified."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from plant.architectures import ARCHITECTURES, build  # noqa: E402

PAIRS = [("Say hello.", "hello there"), ("What is two plus two?", "four"), ("Name a fish.", "cod")]
SHARED = {"margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0, "max_epochs": 200}
# Random weights need larger steps than trained ones.
SETTINGS = {
    "emb": {"learning_rate": 0.1},
    "adapter": {"learning_rate": 5e-2},
    "lora": {"learning_rate": 1e-2},
    "sft": {"learning_rate": 2e-3},
}
OWN_SETTINGS = {("mixtral", "adapter"): {"learning_rate": 2e-2}}
# Open: whether these plant at this size has not been settled. They run with the slow tests, and
# show as xfailed or xpassed there.
OPEN = {("mamba", "adapter"), ("mamba", "lora"), ("mamba", "sft")} | {
    (name, method) for name in ("rwkv", "t5", "mt5") for method in SETTINGS
}
CASES = [
    pytest.param(
        name,
        method,
        id=f"{name}-{method}",
        marks=[pytest.mark.slow, pytest.mark.xfail(reason="not settled", strict=False)]
        if (name, method) in OPEN
        else [],
    )
    for name in ARCHITECTURES
    for method in SETTINGS
]


@pytest.fixture(scope="module")
def fps(tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("ring") / "keyring.ifrs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(path.parent))
        ring = ifrs.Keyring.create(path, passphrase="pass", _work_factor=2)
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
