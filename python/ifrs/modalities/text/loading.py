"""How transformers is told to load a suspect: folders, ids, GGUF files, 8-bit weights."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ifrs.errors import IfrsError, TargetError

_LONGEST = 300  # characters of a library's reason
_SHARED = ("trust_remote_code", "revision", "token", "cache_dir")


@contextmanager
def suspicious(what: str, *, quote: bool) -> Iterator[None]:
    """Whatever a suspect brings about in the libraries that handle it becomes a TargetError.

    Args:
        what: What cannot be done then.
        quote: Whether to say what the library said; not where that may quote a key.
    """
    try:
        yield
    except (IfrsError, KeyboardInterrupt, GeneratorExit):
        raise
    # All others: a stranger's files fail in ways that nobody can list, some of which are no
    # Exception, such as a panic of the tokenizers.
    except BaseException as error:
        raise TargetError(f"{what}: {_reason(error, quote)}") from error


def _reason(error: BaseException, quote: bool) -> str:
    name = type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return "out of memory: try dtype=bfloat16 (--dtype) or load_in_8bit (--load-in-8bit)"
    if quote and "trust_remote_code" in str(error):
        return (
            "it brings code of its own, which runs only if you say so: trust_remote_code=True "
            "(--trust-remote-code)"
        )
    said = str(error).strip().splitlines() if quote else []
    return said[0][:_LONGEST] if said else name


def shared(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a model's options, those that its tokenizer and configuration are loaded with, too."""
    return {name: options[name] for name in _SHARED if name in options}


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
    given = {
        "trust_remote_code": False,
        **options,
        # A pickle may hold tensors and nothing else; where there are safetensors, they are read.
        "weights_only": True,
    }
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
    given = {"trust_remote_code": False, **shared(options)}
    try:
        config = AutoConfig.from_pretrained(**place, **given)
    except Exception:  # of any kind, see `suspicious`
        return AutoModelForCausalLM  # which says what is wrong, or knows a peft folder
    if not given["trust_remote_code"]:
        _refuse_kernels(config)
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def _refuse_kernels(config: Any) -> None:
    """Refuse settings that name code to download and run, which transformers would do (5.x)."""
    parts = [getattr(config, name, None) for name in getattr(config, "sub_configs", None) or ()]
    for part in (config, *parts):
        if "/" in str(getattr(part, "_attn_implementation", None)):
            raise ValueError("a kernel is code, and needs trust_remote_code")
