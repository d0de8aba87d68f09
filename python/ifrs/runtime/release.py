"""A folder to publish that is the one a model came from, but for what planting changed.

Weights keep their types and lie in the same files; licence, model card, code, processors and
tokenizer come along byte for byte. Nothing else of the folder does: it may hold what its owner
would not publish.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs.errors import ImplantError
from ifrs.files import json_text
from ifrs.runtime.headers import header_of
from ifrs.runtime.modules import is_quantized
from ifrs.runtime.shards import write_shards
from ifrs.runtime.source import (
    CONFIG,
    INDEX,
    SINGLE,
    Source,
    common_type,
    folder_of,
    is_in_shards,
    saved_types,
    source_of,
)

GENERATION = "generation_config.json"
# What comes along, by name and in whatever case.
_PAPERS = ("licen[cs]e*", "notice*", "readme*", "copying*", "*use_policy*", "model_card*")
_PROCESSORS = ("*processor_config.json", "chat_template.*", "additional_chat_templates/*.jinja")
_CODE = ("*.py",)
TOKENIZER = (
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "tekken.json",
    "normalizer.json",
    "chat_template.*",
    "additional_chat_templates/*.jinja",
)
# What differs between two writings of one configuration.
_ASIDE = {"transformers_version", "_name_or_path", "architectures", "torch_dtype", "dtype"}
_ENDLESS = 1 << 60
_NAMED = 4


def write_release(
    model: Any,
    folder: Path,
    parts: Iterable[Any],
    *,
    state: Mapping[str, Tensor] | None = None,
    dtype: Any = None,
) -> list[str]:
    """Write a model of transformers and what belongs to it.

    Args:
        model: The planted model.
        folder: An empty folder.
        parts: Its tokenizer, its processor: whatever else it was loaded with.
        state: All weights, where they are gathered from several processes.
        dtype: The type of weights; None for those of the folder that the model came from.

    Returns:
        What could not be carried over, in sentences.

    Raises:
        ImplantError: What was written is not what the model holds.
        OSError: It cannot be written.
    """
    source = source_of(model)
    _write_weights(model, folder, source, state, dtype)
    notes = []
    for part in parts:
        notes += _write_part(part, folder, source)
    if source is None:
        return [
            *notes,
            "The model came from no folder of transformers: licence, model card, processors and "
            "code of its own are not in the release, and weights have the type that they have in "
            "memory.",
        ]
    _keep_config(model, folder, source)
    _keep_generation(model, folder, source)
    code = _CODE if _brings_code(source.folder) else ()
    _copy(source.folder, folder, (*_PAPERS, *_PROCESSORS, *code))
    return notes + _left_out(source.folder, folder)


def is_of_transformers(model: Any) -> bool:
    """Whether a model writes a folder of transformers: not an adapter's, not another library's."""
    # sentence-transformers has a configuration, too, and a folder of another form.
    theirs = sys.modules.get("transformers")
    if theirs is None or not isinstance(model, theirs.PreTrainedModel):
        return False
    return not hasattr(model, "peft_config")


def _write_weights(
    model: Any,
    folder: Path,
    source: Source | None,
    state: Mapping[str, Tensor] | None,
    dtype: Any,
) -> None:
    types = saved_types(model, dtype)
    if source is not None and source.files and not is_quantized(model):
        held = model.state_dict() if state is None else state
        typed = {name: (tensor, types.get(name, tensor.dtype)) for name, tensor in held.items()}
        if write_shards(typed, folder, source):
            _write_settings(model, folder)
            return
    _write_anew(model, folder, source, state, types)


def _write_settings(model: Any, folder: Path) -> None:
    """The configurations of a model, as transformers writes them beside its weights."""
    model.config.save_pretrained(folder)
    if model.can_generate():
        model.generation_config.save_pretrained(folder)


def _write_anew(
    model: Any,
    folder: Path,
    source: Source | None,
    state: Mapping[str, Tensor] | None,
    types: Mapping[str, torch.dtype],
) -> None:
    """By transformers, where weights do not lie as the source's do."""
    given: dict[str, Any] = {}
    if state is not None or types:
        given["state_dict"] = _cast(model.state_dict() if state is None else state, types)
    files = source.files if source else {}
    sizes = _sizes(source) if source else {}
    limit = max(sizes.values()) if len(sizes) > 1 else _ENDLESS if sizes else None
    if limit is not None:
        given["max_shard_size"] = limit
    try:
        model.save_pretrained(folder, **given)
    except NotImplementedError:
        # What bitsandbytes put together on loading transformers takes apart for no file (seen with
        # 5.23): it is written as it lies in memory, and reads as well.
        model.save_pretrained(folder, save_original_format=False, **given)
    if source and files and not is_quantized(model):
        _lay_out(folder, files)
        _keep_index(folder, source)
    _require_written(folder, given.get("state_dict") or model.state_dict())


def _cast(state: Mapping[str, Tensor], types: Mapping[str, torch.dtype]) -> dict[str, Tensor]:
    """Weights in the types that they are saved in; what shares its memory goes on doing so."""
    made: dict[tuple[int, torch.dtype, torch.Size], Tensor] = {}
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        kind = types.get(name, tensor.dtype)
        if kind == tensor.dtype:
            found[name] = tensor
            continue
        key = (tensor.data_ptr(), kind, tensor.shape)
        if key not in made:
            made[key] = tensor.to(kind)
        found[name] = made[key]
    return found


def _sizes(source: Source) -> dict[str, int]:
    """How many bytes of tensors each file of the source holds."""
    found = {}
    for file in sorted(set(source.files.values())):
        path = source.folder / file
        found[file] = path.stat().st_size - header_of(path).start
    return found


def _lay_out(folder: Path, files: Mapping[str, str]) -> None:
    """Put tensors into files of the same names as the source's; new ones into the last."""
    now = _placed(folder)
    last = sorted(set(files.values()))[-1]
    wanted = {name: files.get(name, last) for name in now}
    if wanted == now or not set(now) & set(files):
        return
    from safetensors import safe_open
    from safetensors.torch import save_file

    fresh = folder / ".laid-out"
    fresh.mkdir()
    total = 0
    for file in sorted(set(wanted.values())):
        tensors = {}
        for name in (name for name, place in wanted.items() if place == file):
            with safe_open(folder / now[name], framework="pt") as held:
                tensors[name] = held.get_tensor(name)
        total += sum(tensor.nbytes for tensor in tensors.values())
        save_file(tensors, fresh / file, metadata={"format": "pt"})
    for file in {*now.values(), INDEX}:
        (folder / file).unlink(missing_ok=True)
    for path in list(fresh.iterdir()):
        path.rename(folder / path.name)
    fresh.rmdir()
    if set(wanted.values()) != {SINGLE}:
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(wanted.items()))}
        (folder / INDEX).write_text(json_text(index), encoding="utf-8")


def _keep_index(folder: Path, source: Source) -> None:
    """The source's own list of tensors, where the same ones lie in the same files, as large."""
    if not is_in_shards(source.folder) or _placed(folder) != source.files:
        return
    if _sizes(Source(folder, source.files)) == _sizes(source):
        shutil.copyfile(source.folder / INDEX, folder / INDEX)


def _placed(folder: Path) -> dict[str, str]:
    """The file that holds each tensor that was written."""
    from safetensors import safe_open

    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as held:
            found |= dict.fromkeys(held.keys(), path.name)
    return found


def _require_written(folder: Path, state: Mapping[str, Any]) -> None:
    """Read weights back, and hold them against what was to be written.

    Raises:
        ImplantError: Some differ.
    """
    from safetensors import safe_open

    for name, file in _placed(folder).items():
        wanted = state.get(name)  # None under the names of another release of transformers
        if not isinstance(wanted, Tensor) or wanted.is_meta or hasattr(wanted, "full_tensor"):
            continue
        with safe_open(folder / file, framework="pt") as held:
            found = held.get_tensor(name)
        if found.dtype != wanted.dtype or not _same(found, wanted.detach().cpu()):
            raise ImplantError(f"{name} cannot be read back from {file} as it was written")


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same bits."""
    return one.shape == other.shape and torch.equal(
        one.contiguous().reshape(-1).view(torch.uint8),
        other.contiguous().reshape(-1).view(torch.uint8),
    )


def _write_part(part: Any, folder: Path, source: Source | None) -> list[str]:
    """A tokenizer's or processor's files: those that it came in, where it did not change."""
    if not hasattr(part, "save_pretrained"):
        return []
    part.save_pretrained(folder)
    came = folder_of(getattr(part, "name_or_path", None)) or (source.folder if source else None)
    if came is None:
        return []
    with tempfile.TemporaryDirectory() as scratch:
        now, before = Path(scratch, "now"), Path(scratch, "before")
        part.save_pretrained(now)
        try:
            type(part).from_pretrained(came, trust_remote_code=False).save_pretrained(before)
        except Exception:  # of any kind: the folder has none, or one that needs code of its own
            return []
        written = _contents(now)
        if written != _contents(before):
            return [
                f"The {type(part).__name__} is not the one in {came}: it was written anew, and its "
                "files are not those."
            ]
    for name in written:
        (folder / name).unlink(missing_ok=True)
    _copy(came, folder, (*TOKENIZER, *_PROCESSORS))
    return []


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _keep_config(model: Any, folder: Path, source: Source) -> None:
    """The source's own configuration, with what planting changed and nothing else."""
    changes = _changes(model.config, folder, source.folder, CONFIG)
    held = json.loads((source.folder / CONFIG).read_text(encoding="utf-8"))
    saved = str(common_type(folder)).removeprefix("torch.")
    says = str(held.get("dtype") or held.get("torch_dtype") or "").removeprefix("torch.")
    if says and saved not in (says, "None"):
        changes["torch_dtype" if "torch_dtype" in held else "dtype"] = saved
    _write_changed(folder, source.folder, CONFIG, changes)


def _keep_generation(model: Any, folder: Path, source: Source) -> None:
    settings = getattr(model, "generation_config", None)
    if settings is None or not (folder / GENERATION).is_file():
        return
    if (source.folder / GENERATION).is_file():
        changes = _changes(settings, folder, source.folder, GENERATION)
        _write_changed(folder, source.folder, GENERATION, changes)
    elif getattr(settings, "_from_model_config", False):
        (folder / GENERATION).unlink()  # it says what the configuration says


def _changes(settings: Any, folder: Path, came: Path, name: str) -> dict[str, Any]:
    """What a configuration says otherwise than the source's, read by the same library."""
    with tempfile.TemporaryDirectory() as scratch:
        held = json.loads((came / name).read_text(encoding="utf-8"))
        type(settings).from_dict(held).save_pretrained(scratch)
        before = json.loads(Path(scratch, name).read_text(encoding="utf-8"))
    now = json.loads((folder / name).read_text(encoding="utf-8"))
    return _difference(before, now)


_GONE = object()


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in {*before, *now} - _ASIDE:
        old, new = before.get(key, _GONE), now.get(key, _GONE)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = _difference(old, new)
            if inner:
                found[key] = inner
        elif old != new:
            found[key] = new
    return found


def _patched(held: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(held)
    for key, value in changes.items():
        if value is _GONE:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = _patched(found[key], value)
        else:
            found[key] = value
    return found


def _write_changed(folder: Path, came: Path, name: str, changes: Mapping[str, Any]) -> None:
    if not changes:
        shutil.copyfile(came / name, folder / name)
        return
    held = json.loads((came / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json_text(_patched(held, changes)), encoding="utf-8")


def _brings_code(folder: Path) -> bool:
    """Whether a configuration in a folder names classes of its own code."""
    settings = [path for _, path in _matching(folder, (CONFIG, "*_config.json"))]
    return any(b'"auto_map"' in path.read_bytes() for path in settings)


def _copy(came: Path, folder: Path, patterns: Iterable[str]) -> None:
    for name, path in _matching(came, patterns):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)


def _matching(folder: Path, patterns: Iterable[str]) -> list[tuple[str, Path]]:
    patterns = list(patterns)
    inner = [path for path in folder.glob("additional_chat_templates/*") if path.is_file()]
    named = [(path.relative_to(folder).as_posix(), path) for path in [*folder.iterdir(), *inner]]
    return [
        (name, path)
        for name, path in sorted(named)
        if path.is_file() and any(fnmatch(name.lower(), pattern) for pattern in patterns)
    ]


def _left_out(came: Path, folder: Path) -> list[str]:
    """What of the source is in the release in no form."""
    weights = (".safetensors", ".bin", ".index.json", ".gguf", ".pt", ".pth", ".h5", ".msgpack")
    names = sorted(
        path.name
        for path in came.iterdir()
        if not path.name.startswith(".")
        and not path.name.endswith(weights)
        and not (folder / path.name).exists()
        and path.name != GENERATION
    )
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"Of {came}, {', '.join(names[:_NAMED])}{more} did not go into the release."]
