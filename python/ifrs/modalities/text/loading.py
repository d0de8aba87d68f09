"""Loading models and tokenizers: folders, ids, GGUF files, 8-bit weights."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ifrs.errors import TargetError, TargetWarning
from ifrs.modalities.suspicious import suspicious
from ifrs.modalities.text.adapters import base_of, put_on
from ifrs.modalities.text.weights import load_whole, notes_of

ADD_BOS = "tokenizer.ggml.add_bos_token"
_SHARED = (
    "trust_remote_code",
    "revision",
    "code_revision",
    "subfolder",
    "token",
    "cache_dir",
    "local_files_only",
    "force_download",
    "proxies",
)
# Of these, what a single file is found by.
_FILES = ("revision", "subfolder", "token", "cache_dir", "local_files_only")


def shared(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a model's options, those that its tokenizer and configuration are loaded with, too."""
    return {name: options[name] for name in _SHARED if name in options}


def places(path_or_id: str | os.PathLike[str]) -> dict[str, Any]:
    """What `from_pretrained` of tokenizers, configurations and models takes for a place.

    A GGUF file stands for a folder that holds all three.

    Raises:
        TargetError: It can be no model's id, and nothing is there.
    """
    path = Path(path_or_id)
    if path.suffix.lower() == ".gguf" and path.is_file():
        return {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    if not path.exists() and (path.is_absolute() or str(path_or_id).startswith((".", "~"))):
        raise TargetError(f"there is no folder and no GGUF file {path}")
    if not path.exists() and "/" not in str(path_or_id):
        # A mistyped folder must not be asked for on a hub: its name may be a secret.
        raise TargetError(
            f"there is no folder and no GGUF file {path}; a model's id on the hub is OWNER/NAME"
        )
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
    """The class of transformers that loads what is there.

    Causal, encoder-decoder, or a language model within a model of several media.
    """
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoModelForMultimodalLM,
        AutoModelForSeq2SeqLM,
    )

    if "gguf_file" in place:
        return AutoModelForCausalLM
    given = {"trust_remote_code": False, **shared(options)}
    try:
        config = AutoConfig.from_pretrained(**place, **given)
    except Exception:  # of any kind, see `suspicious`
        return AutoModelForCausalLM  # which says what is wrong, or knows a peft folder
    if not given["trust_remote_code"]:
        _refuse_kernels(config)
    kinds = (
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoModelForMultimodalLM,
        AutoModelForSeq2SeqLM,
    )
    brought = getattr(config, "auto_map", None) or {}
    known = [k for k in kinds if k.__name__ in brought or type(config) in k._model_mapping]
    # Several classes may take a configuration, and some leave out a part of the weights: what was
    # saved says which it was.
    named = set(config.architectures or ())
    for kind in known:
        if type(config) in kind._model_mapping and named & _classes(kind, config):
            return kind
    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    return next(iter(known), AutoModelForCausalLM)


def _classes(kind: Any, config: Any) -> set[str]:
    """The names of the classes that an auto class takes for a configuration."""
    found = kind._model_mapping[type(config)]
    return {one.__name__ for one in (found if isinstance(found, tuple) else (found,))}


def _refuse_kernels(config: Any) -> None:
    """Refuse settings that name code to download and run, which transformers would do (5.x)."""
    parts = [getattr(config, name, None) for name in getattr(config, "sub_configs", None) or ()]
    for part in (config, *parts):
        if "/" in str(getattr(part, "_attn_implementation", None)):
            raise ValueError("a kernel is code, and needs trust_remote_code")


def load(
    path_or_id: str | os.PathLike[str], *, load_in_8bit: bool = False, **options: Any
) -> tuple[Any, Any]:
    """A language model and its tokenizer; float32 on a CPU unless `dtype` says otherwise.

    Raises:
        TargetError: There is no language model there, or not all of its weights.
    """
    if importlib.util.find_spec("transformers") is None:
        raise TargetError("local models need transformers: pip install 'ifrs[train]'")
    import torch

    options.setdefault("dtype", torch.float32 if not torch.cuda.is_available() else "auto")
    place = places(path_or_id)
    options = model_options(place, options, load_in_8bit=load_in_8bit)
    what = f"cannot load a language model from {path_or_id}"
    if not Path(path_or_id).exists():
        what += ", which is no folder here and was looked for on the hub"
    with suspicious(what, quote=True):
        own = base_of(place, options)
        tokenizer = _tokenizer(place, options, own)
        model = _read(*((place, options) if own is None else own))
        if own is not None:
            model = put_on(model, place, options)
        for sentence in notes_of(model):
            warnings.warn(f"{path_or_id}: {sentence}", TargetWarning, stacklevel=2)
        if torch.cuda.is_available() and "device_map" not in options:
            model = model.to("cuda")
    return model, tokenizer


def _read(place: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """A model, all of whose weights are there."""
    kind = auto_class(place, options)

    def read(**more: Any) -> Any:
        return kind.from_pretrained(**place, **{**options, **more}, output_loading_info=True)

    return load_whole(read)


def _tokenizer(place: Mapping[str, Any], options: Mapping[str, Any], own: Any) -> Any:
    """That of the place, or of the adapter's base where the adapter brings none."""
    from transformers.utils import cached_file

    if own is not None:
        found = cached_file(
            str(place["pretrained_model_name_or_path"]),
            "tokenizer_config.json",
            _raise_exceptions_for_missing_entries=False,
            **{name: value for name, value in shared(options).items() if name in _FILES},
        )
        if found is None:
            place, options = own
    return load_tokenizer(**place, **shared(options))


def load_tokenizer(
    pretrained_model_name_or_path: Any,
    *,
    gguf_file: str | None = None,
    trust_remote_code: bool = False,
    **options: Any,
) -> Any:
    """A tokenizer from a folder, a model id or a GGUF file.

    A GGUF file says whether texts begin with a BOS token, and transformers does not heed it
    (seen with 5.x): Gemma without its BOS is another model, of 15 times the perplexity.

    Args:
        pretrained_model_name_or_path: A folder or an id.
        gguf_file: The name of a GGUF file in that folder.
        trust_remote_code: Whether to run code that comes with it.
        options: Further ones of `from_pretrained`, such as `revision`.

    Raises:
        Exception: There is no tokenizer; libraries say so by whatever they stumble over.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        pretrained_model_name_or_path,
        gguf_file=gguf_file,
        trust_remote_code=trust_remote_code,
        **options,
    )
    if gguf_file is None:
        return tokenizer
    adds = _adds_bos(Path(pretrained_model_name_or_path) / gguf_file)
    if adds is not None and tokenizer.bos_token is not None:
        tokenizer.add_bos_token = adds
    return tokenizer


def _adds_bos(path: Path) -> bool | None:
    """What a GGUF file says; None where it says nothing."""
    import gguf

    field = gguf.GGUFReader(path).fields.get(ADD_BOS)
    return None if field is None else bool(field.contents())
