"""Planting under DeepSpeed's ZeRO-3, in two processes on one machine."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import ifrs
import pytest
from helpers import launched

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402

SCRIPT = Path(__file__).with_name("partitioned.py")
WEIGHTS, MANIFEST = "model.safetensors", "ifrs-manifest.json"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None, reason="deepspeed is not installed"
)


@pytest.fixture
def folder(tmp_path, tiny, tokenizer, ring):
    """Two bases and a keyring; beside them what one process and two made of each base."""
    for kind in ("tied", "untied"):
        tiny(tie_word_embeddings=kind == "tied").save_pretrained(tmp_path / kind)
        tokenizer.save_pretrained(tmp_path / kind)
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    done = launched(SCRIPT, tmp_path, DS_ACCELERATOR="cpu")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_emb_plants_and_saves_what_one_process_does(folder):
    """Gradients are summed in another order: trained rows alone are others."""
    fps = ifrs.Keyring.open(folder / "keyring.ifrs", passphrase="pass")["one"]
    for kind in ("tied", "untied"):
        alone, together = folder / f"{kind}-alone", folder / f"{kind}-together"
        assert files(alone) == files(together)
        assert manifest(alone) == manifest(together)
        assert trained(alone, folder / kind) == trained(together, folder / kind)
        reports = [ifrs.verify(ifrs.LocalModel.from_pretrained(f), fps) for f in (alone, together)]
        assert [report.verdict for report in reports] == ["match", "match"]


def files(release: Path) -> dict[str, bytes]:
    """Bytes of each file; of weights those that say where which tensor lies."""
    found = {path.name: path.read_bytes() for path in release.iterdir()}
    del found[MANIFEST]
    size = 8 + int.from_bytes(found[WEIGHTS][:8], "little")
    return {**found, WEIGHTS: found[WEIGHTS][:size]}


def manifest(release: Path) -> dict[str, object]:
    """What it says of planting; digests of weights are others."""
    said = json.loads((release / MANIFEST).read_text())
    return {**said, "files": sorted(said["files"])}


def trained(release: Path, base: Path) -> list[int]:
    """The rows of the input table that changed; nothing else may have."""
    before, after = load_file(base / WEIGHTS), load_file(release / WEIGHTS)
    table, output = "model.embed_tokens.weight", "lm_head.weight"
    before.setdefault(output, before[table])
    assert before.keys() == after.keys()
    rows = (before.pop(table) != after.pop(table)).any(dim=1).nonzero().flatten().tolist()
    assert rows
    assert all(torch.equal(before[name], after[name]) for name in before)
    return rows
