"""How transformers is told to load a suspect: folders, ids, GGUF files, 8-bit weights."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ifrs.errors import TargetError


def places(path_or_id: str | os.PathLike[str]) -> dict[str, Any]:
    """What `from_pretrained` of tokenizers, configurations and models takes for a place.

    A GGUF file stands for a folder that holds all three.
    """
    path = Path(path_or_id)
    if path.suffix.lower() == ".gguf" and path.is_file():
        return {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    return {"pretrained_model_name_or_path": path_or_id}


def model_options(
    place: Mapping[str, Any], options: Mapping[str, Any], *, load_in_8bit: bool
) -> dict[str, Any]:
    """What `from_pretrained` of a model takes besides.

    Raises:
        TargetError: 8-bit weights were asked for, and bitsandbytes is missing, or the file is a
            GGUF file, which has its own quantization.
    """
    given = dict(options)
    if "gguf_file" in place:
        if load_in_8bit:
            raise TargetError("a GGUF file has its own quantization: leave 8-bit weights out")
        from transformers import GgufConfig

        given.setdefault("quantization_config", GgufConfig(dequantize=True))
    if load_in_8bit:
        if importlib.util.find_spec("bitsandbytes") is None:
            raise TargetError("8-bit weights need bitsandbytes: pip install bitsandbytes")
        from transformers import BitsAndBytesConfig

        given.setdefault("quantization_config", BitsAndBytesConfig(load_in_8bit=True))
        given.setdefault("device_map", "auto")
    return given


def auto_class(place: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """The class of transformers that loads what is there: causal, or encoder-decoder."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    if "gguf_file" in place:
        return AutoModelForCausalLM
    known = ("trust_remote_code", "revision", "token", "cache_dir")
    shared = {name: options[name] for name in known if name in options}
    try:
        config = AutoConfig.from_pretrained(**place, **shared)
    except (OSError, ValueError, KeyError):
        return AutoModelForCausalLM  # which says what is wrong, or knows a peft folder
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
