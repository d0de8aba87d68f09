"""Saving what was planted: whole or not at all, and without a secret."""

from __future__ import annotations

import json

import ifrs
import pytest
from helpers import secrets_of

pytest.importorskip("torch")

# Random weights need larger steps than trained ones, and give smaller margins.
SETTINGS = {"emb": {"learning_rate": 5e-2, "margin": 0.5, "max_epochs": 200}}


def config(method: str, **changes) -> ifrs.ImplantConfig:
    return ifrs.ImplantConfig(**{**SETTINGS[method], "guesses": 50, **changes})


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 5, tokenizer=tokenizer)


def test_saving(tmp_path, tiny, tokenizer, fps, monkeypatch):
    result = ifrs.implant(tiny(), tokenizer, fps, method="emb", config=config("emb", guesses=0))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(ifrs.ImplantError, match="exists already"):
        result.save(tmp_path / "full")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(result.tokenizer, "save_pretrained", full)
        with pytest.raises(ifrs.ImplantError, match="No space left"):
            result.save(tmp_path / "new")
    (tmp_path / "ring").mkdir()
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))
    folder = result.save(tmp_path / "new")
    assert not list(tmp_path.glob(".new*"))
    manifest = json.loads((folder / "ifrs-manifest.json").read_text())
    assert manifest["files"].keys() == {"model.safetensors"}
    assert manifest["fsr"] == 1
    text = (folder / "ifrs-manifest.json").read_text()
    assert not [secret for secret in secrets_of(fps) if secret in text]
