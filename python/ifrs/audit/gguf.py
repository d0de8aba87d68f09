"""A planted model as GGUF and back, through the exporter where this version has one."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.unit import Skip


def through_gguf(quantization: str, bench: Bench, suspect: Suspect) -> Any:
    """Export, read back with transformers, and return the dequantized model.

    Raises:
        Skip: This version has no exporter, or there is no GGUF file of the base model.
    """
    try:
        export = importlib.import_module("ifrs.modeling.gguf").export_gguf
    except (ImportError, AttributeError):
        raise Skip("this version of ifrs exports no GGUF") from None
    from transformers import AutoModelForCausalLM, GgufConfig

    with tempfile.TemporaryDirectory(prefix=".gguf-", dir=bench.out) as scratch:
        base = base_gguf(bench, Path(scratch))
        out = Path(scratch) / "planted.gguf"
        export(suspect.model, base, out, quantization=quantization)
        return AutoModelForCausalLM.from_pretrained(
            scratch, gguf_file=out.name, quantization_config=GgufConfig(dequantize=True)
        )


def base_gguf(bench: Bench, scratch: Path) -> Path:
    """The base model's GGUF file: beside its weights, or the demo's package for its model."""
    beside = sorted(bench.base.glob("*.gguf"))
    if beside:
        return Path(shutil.copy(beside[0], scratch / "base.gguf"))
    from ifrs.demo import gemma

    if bench.base.name != getattr(gemma, "_NAME", None):
        raise Skip("exporting needs the base model's GGUF file in its folder")
    return gemma._assemble(scratch)
