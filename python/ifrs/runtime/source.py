"""The folder that a model of transformers came from, and how its weights lie there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs.runtime.headers import FLOATS, header_of
from ifrs.runtime.modules import is_quantized

CONFIG = "config.json"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass
class Source:
    """Where a model came from.

    Attributes:
        folder: Its files.
        files: The name of the file that holds each tensor, where there are safetensors.
        types: The type of each of these tensors, if of floating point.
        dtype: The type of most of them, or what the configuration says.
    """

    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    types: dict[str, torch.dtype] = field(default_factory=dict)
    dtype: torch.dtype | None = None

    def type_of(self, name: str, tensor: Tensor) -> torch.dtype:
        """The type that a tensor is saved in: the source's, where that is narrower."""
        wanted = self.types.get(name, self.dtype)
        if wanted is None or not tensor.is_floating_point():
            return tensor.dtype
        return wanted if wanted.itemsize < tensor.dtype.itemsize else tensor.dtype


def source_of(model: Any) -> Source | None:
    """The folder that a model was loaded from; None where there is none, or another model in it."""
    config = getattr(model, "config", None)
    folder = folder_of(
        getattr(config, "_name_or_path", None), getattr(config, "_commit_hash", None)
    )
    if folder is None:
        return None
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if settings.get("model_type") != config.model_type:  # type: ignore[union-attr]
            return None
        files = _files(folder)
        types = _types(folder, set(files.values()))
    except (OSError, ValueError):  # of JSON, too
        return None
    said = str(settings.get("dtype") or settings.get("torch_dtype"))
    dtype = _most(types) or getattr(torch, said.removeprefix("torch."), None)
    return Source(folder, files, types, dtype if isinstance(dtype, torch.dtype) else None)


def folder_of(name: Any, commit: str | None = None) -> Path | None:
    """A folder with a configuration, by its path or by an id that the hub's cache holds."""
    if not name:
        return None
    if (Path(name) / CONFIG).is_file():
        return Path(name)
    if Path(name).exists() or Path(name).is_absolute():
        return None
    from transformers.utils import cached_file

    try:
        found = cached_file(str(name), CONFIG, revision=commit, local_files_only=True)
    except (OSError, ValueError):
        return None
    return Path(found).parent if found else None


def _files(folder: Path) -> dict[str, str]:
    """The file that holds each tensor of a folder's safetensors."""
    if (folder / SINGLE).is_file():
        return dict.fromkeys(header_of(folder / SINGLE).entries, SINGLE)
    if is_in_shards(folder):
        found = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
        return {str(name): Path(str(file)).name for name, file in found.items()}
    return {}


def is_in_shards(folder: Path) -> bool:
    """Whether the weights of a folder lie in several files that an index names.

    Where one file with all weights lies beside them, that is what transformers loads (5.23).
    """
    return (folder / INDEX).is_file() and not (folder / SINGLE).is_file()


def _types(folder: Path, files: set[str]) -> dict[str, torch.dtype]:
    """The type of each tensor of floating point."""
    headers = (header_of(folder / file) for file in sorted(files))
    tensors = (found for header in headers for found in header.entries.items())
    return {name: FLOATS[entry["dtype"]] for name, entry in tensors if entry["dtype"] in FLOATS}


def _most(types: dict[str, torch.dtype]) -> torch.dtype | None:
    common = Counter(types.values()).most_common(1)
    return common[0][0] if common else None


def common_type(folder: Path) -> torch.dtype | None:
    """The type of most tensors in a folder's safetensors; None without any."""
    return _most(_types(folder, set(_files(folder).values())))


def saved_types(model: Any, dtype: Any = None) -> dict[str, torch.dtype]:
    """The types in which weights are saved, by name, where these are others than the model's.

    Args:
        model: A model of transformers.
        dtype: A type for all weights of floating point, or its name; None for those of the folder
            that the model came from, where they are narrower.

    Raises:
        ValueError: There is no such type.
    """
    if is_quantized(model):
        return {}
    wanted, source = _named(dtype), source_of(model) if dtype is None else None
    found = {}
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        kind = wanted or (source.type_of(name, tensor) if source else tensor.dtype)
        if kind != tensor.dtype:
            found[name] = kind
    return found


def _named(dtype: Any) -> torch.dtype | None:
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    found = getattr(torch, str(dtype), None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(f"there is no type {dtype!r} of weights: use float32, bfloat16 or float16")
    return found
