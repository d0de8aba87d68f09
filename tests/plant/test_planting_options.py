"""Settings of planting: each does what it says, and none changes what is planted."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from helpers import implant  # noqa: E402


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


@pytest.mark.filterwarnings("error:.gradient_checkpointing_(en|dis)able:FutureWarning")
@pytest.mark.parametrize("method", ["emb", "lora"])
def test_small_passes_and_checkpointing(tiny, tokenizer, fps, method):
    model = tiny()
    result = implant(model, tokenizer, fps, method, micro_batch=1, checkpointing=True)
    assert result.fsr == 1
    assert not any(getattr(m, "gradient_checkpointing", False) for m in model.modules())
    assert not any(module.training for module in model.modules())


def test_bfloat16_models(tmp_path, tiny, tokenizer, fps):
    model = tiny().to(torch.bfloat16)
    result = implant(model, tokenizer, fps, "emb", margin=1.0)
    folder = result.save(tmp_path / "model")
    suspect = ifrs.LocalModel.from_pretrained(folder, dtype=torch.bfloat16)
    assert ifrs.verify(suspect, fps).fsr == 1
