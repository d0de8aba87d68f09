"""A planted model as GGUF and back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.record import Skip
from ifrs.modalities.text.gguf import export_gguf


def through_gguf(quantization: str, bench: Bench, suspect: Suspect) -> Suspect:
    """Export, read back with transformers, and return the dequantized model.

    Raises:
        Skip: There is no GGUF file of the base model.
    """
    from transformers import AutoModelForCausalLM, GgufConfig

    with tempfile.TemporaryDirectory(prefix=".gguf-", dir=bench.out) as scratch:
        base = base_gguf(bench, Path(scratch))
        out = Path(scratch) / "planted.gguf"
        export_gguf(suspect.model.module, base, out, quantization=quantization)
        module = AutoModelForCausalLM.from_pretrained(
            scratch,
            gguf_file=out.name,
            quantization_config=GgufConfig(dequantize=True),
            trust_remote_code=False,
        )
        return suspect.turned(module)


def base_gguf(bench: Bench, scratch: Path) -> Path:
    """The base model's GGUF file: beside its weights, or what the subject knows of it."""
    beside = sorted(bench.base.glob("*.gguf"))
    if beside:
        return Path(shutil.copy(beside[0], scratch / "base.gguf"))
    if bench.subject.base_gguf is None:
        raise Skip("exporting needs the base model's GGUF file in its folder")
    return bench.subject.base_gguf(scratch)
