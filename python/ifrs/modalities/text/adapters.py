"""Folders of peft: an adapter, and the name of the base that it changes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ifrs.modalities.text.weights import COMPILED, note, require_whole, stripped

_FOUND_BY = ("revision", "subfolder", "token", "cache_dir", "local_files_only")
_BOTH = (
    "The folder holds a whole model and an adapter, which was put on top, as transformers does "
    "(seen with 5.23): where the model holds the adapter already, remove adapter_config.json."
)
_DRAWN = (
    "The adapter began with a randomized decomposition of its base ({way}), which is drawn again "
    "on loading (seen with peft 0.21): under another torch seed it is another model than the one "
    "that was trained. Ask for the merged model, or for the adapter converted to a plain LoRA."
)
# A base lies elsewhere than its adapter.
_OWN = ("revision", "subfolder")


def base_of(
    place: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Where the base of a peft folder lies, and its options; None of other folders.

    A folder that holds a whole model besides is its own base.

    Raises:
        ValueError: The adapter names no base.
    """
    from transformers.utils import find_adapter_config_file

    if "gguf_file" in place:
        return None
    where = place["pretrained_model_name_or_path"]
    file = find_adapter_config_file(where, **_finding(options))
    if file is None:
        return None
    if _holds_whole(place, options):
        return dict(place), dict(options)
    settings = json.loads(Path(file).read_text(encoding="utf-8"))
    named = settings.get("base_model_name_or_path")
    if not named:
        raise ValueError("its adapter_config.json names no base model: put in where that lies")
    kept = {name: value for name, value in options.items() if name not in _OWN}
    if settings.get("revision"):
        kept["revision"] = settings["revision"]
    return {"pretrained_model_name_or_path": str(named)}, kept


def put_on(model: Any, place: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """A base under its adapter, all of whose tensors fit.

    peft reads it, as transformers does not know how some adapters are stored: it draws the
    magnitudes of DoRA at random (seen with 5.23).

    Raises:
        ValueError: Tensors are missing, left over, or of another shape; some are named.
    """
    from peft import PeftConfig, PeftModel, get_peft_model_state_dict, load_peft_weights

    where, finding = str(place["pretrained_model_name_or_path"]), _finding(options)
    config = PeftConfig.from_pretrained(where, **finding)
    if config.is_prompt_learning or config.is_adaption_prompt:
        raise ValueError("an adapter of prompts is no change of weights, and cannot be asked")
    config.inference_mode = True
    held = set(load_peft_weights(where, device="cpu", **finding))
    compiled = any(COMPILED in name for name in held)
    mapping = {re.escape(COMPILED): ""} if compiled else None
    tuned = PeftModel(model, config, autocast_adapter_dtype=False)
    expected = get_peft_model_state_dict(tuned, save_embedding_layers=False)
    # Of whole layers that the adapter replaces peft does not say that they are missing.
    whole = {name for name in expected if tuned.base_model.prefix not in name}
    require_whole({"missing_keys": whole - {name.replace(COMPILED, "") for name in held}})
    try:
        found = tuned.load_adapter(
            where, "default", torch_device="cpu", key_mapping=mapping, **finding
        )
    except RuntimeError as error:
        raise ValueError(_shapes(error)) from error
    require_whole({"missing_keys": found.missing_keys, "unexpected_keys": found.unexpected_keys})
    if compiled:
        note(tuned.get_base_model(), [stripped([COMPILED])])
    if _holds_whole(place, options):
        note(tuned.get_base_model(), [_BOTH])
    way = str(getattr(config, "init_lora_weights", ""))
    if way.startswith("pissa_niter"):
        note(tuned.get_base_model(), [_DRAWN.format(way=way)])
    return tuned.get_base_model()


def _holds_whole(place: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Whether a folder holds a whole model."""
    where = Path(place["pretrained_model_name_or_path"])
    return (where / str(options.get("subfolder", "")) / "config.json").is_file()


def _finding(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in _FOUND_BY if name in options}


def _shapes(error: RuntimeError) -> str:
    """What torch says of a tensor of another shape, in one line."""
    lines = [line.strip() for line in str(error).splitlines()]
    sizes = [line for line in lines if line.startswith("size mismatch")]
    return f"tensors of the adapter have another shape: {'; '.join(sizes[:1] or lines[:1])}"
