"""Weights written as copies of the files that they came in, with what changed put in its place.

Nothing is held in memory but a part of a tensor, and what did not change is not encoded anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ifrs.copies import copy_file
from ifrs.errors import ImplantError
from ifrs.files import json_text
from ifrs.runtime.headers import LENGTH, TYPES, header_of
from ifrs.runtime.source import INDEX, Source, is_in_shards

_ALIGNED = 8
# Bytes that are compared at once.
_WORD = 8
# Numbers that are compared, or written, at a time.
_PART = 1 << 23
_NAMES = {dtype: name for name, dtype in TYPES.items()}

# A tensor, and the type that it is saved in.
Typed = tuple[Tensor, torch.dtype]


def write_shards(state: Mapping[str, Typed], folder: Path, source: Source) -> bool:
    """Write weights into files like the source's; new ones into the last.

    Args:
        state: All weights by name, each with the type that it is saved in.
        folder: An empty folder.
        source: Where the model came from.

    Returns:
        Whether they lie as the source's do: under the same names, of the same shapes and types.
        Nothing is written where they do not.

    Raises:
        ImplantError: What was written cannot be read back.
    """
    shards = {name: _Shard(source.folder / name) for name in sorted(set(source.files.values()))}
    known = (shards[file].holds(name, state.get(name)) for name, file in source.files.items())
    fresh = _fresh(state, source)
    if not shards or not all(known) or not all(_is_plain(*state[name]) for name in fresh):
        return False
    *_, last = shards
    for file, shard in shards.items():
        added = {name: state[name] for name in fresh} if file == last else {}
        written = shard.copied(folder / file, added)
        written.put({name: state[name] for name in written.entries})
    if is_in_shards(source.folder):
        _write_index(folder, source, {name: state[name] for name in fresh}, last)
    return True


def _fresh(state: Mapping[str, Typed], source: Source) -> list[str]:
    """Names of weights that the source does not hold, nor under another name."""
    held = {_place(state[name][0]) for name in source.files if name in state}
    return [
        name
        for name, (tensor, _) in state.items()
        if name not in source.files and _place(tensor) not in held
    ]


def _place(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.device, tensor.data_ptr(), tensor.shape


def _is_plain(tensor: Tensor, kind: torch.dtype) -> bool:
    return kind in _NAMES and not tensor.is_meta and not hasattr(tensor, "full_tensor")


class _Shard:
    """A file of safetensors.

    Attributes:
        path: Where it is.
        entries: What its header says of each tensor.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._header = path, header_of(path)
        self.entries = self._header.entries

    def holds(self, name: str, typed: Typed | None) -> bool:
        """Whether a tensor of that name has the same shape, and the type that it is saved in."""
        if typed is None or name not in self.entries or not _is_plain(*typed):
            return False
        entry = self.entries[name]
        return bool(list(typed[0].shape) == entry["shape"] and _NAMES[typed[1]] == entry["dtype"])

    def copied(self, target: Path, fresh: Mapping[str, Typed]) -> _Shard:
        """A copy, with room for more tensors behind the others."""
        if not fresh:
            copy_file(self.path, target)
            return _Shard(target)
        end = max((entry["data_offsets"][1] for entry in self.entries.values()), default=0)
        said = self._header.metadata
        header: dict[str, Any] = {
            **({} if said is None else {"__metadata__": said}),
            **self.entries,
        }
        with target.open("wb") as file, self.path.open("rb") as own:
            size = end
            for name, (tensor, kind) in fresh.items():
                begin, size = size, size + tensor.numel() * kind.itemsize
                entry = {"dtype": _NAMES[kind], "shape": list(tensor.shape)}
                header[name] = {**entry, "data_offsets": [begin, size]}
            data = json.dumps(header, separators=(",", ":")).encode()
            data += b" " * (-len(data) % _ALIGNED)
            file.write(len(data).to_bytes(LENGTH, "little") + data)
            own.seek(self._header.start)
            shutil.copyfileobj(own, file, 1 << 24)
            file.truncate(LENGTH + len(data) + size)
        return _Shard(target)

    def put(self, state: Mapping[str, Typed]) -> None:
        """Write tensors in place where they differ from what is there, and read that back.

        Raises:
            ImplantError: It cannot be read back as it was written.
        """
        there = np.memmap(self.path, mode="c")
        changed = [
            (name, part)
            for name, typed in state.items()
            for part in _parts(typed[0])
            if not _same(self._bytes(name, typed, part), there)
        ]
        del there
        with self.path.open("rb+") as file:
            for name, part in changed:
                offset, data = self._bytes(name, state[name], part)
                file.seek(offset)
                file.write(data.numpy().tobytes())
            file.flush()
            os.fsync(file.fileno())
        there = np.memmap(self.path, mode="c")
        for name, part in changed:
            if not _same(self._bytes(name, state[name], part), there):
                raise ImplantError(
                    f"{name} cannot be read back from {self.path.name} as it was written"
                )

    def _bytes(self, name: str, typed: Typed, part: slice) -> tuple[int, Tensor]:
        """Where a part of a tensor lies, and its bytes, uint8."""
        tensor, kind = typed
        data = tensor.detach().reshape(-1)[part].to(kind).cpu().contiguous().view(torch.uint8)
        begin = self.entries[name]["data_offsets"][0] + part.start * kind.itemsize
        return self._header.start + begin, data


def _parts(tensor: Tensor) -> Iterator[slice]:
    return (slice(start, start + _PART) for start in range(0, tensor.numel(), _PART))


def _same(placed: tuple[int, Tensor], there: np.memmap[Any, Any]) -> bool:
    """Whether bytes are what a file has at their place."""
    offset, data = placed
    found = torch.from_numpy(there[offset : offset + len(data)])
    if len(found) != len(data):
        return False
    whole = len(data) - len(data) % _WORD if offset % _WORD == 0 else 0
    return torch.equal(found[whole:], data[whole:]) and torch.equal(
        found[:whole].view(torch.int64), data[:whole].view(torch.int64)
    )


def _write_index(folder: Path, source: Source, state: Mapping[str, Typed], last: str) -> None:
    """The source's list of tensors, with those that are new."""
    held = json.loads((source.folder / INDEX).read_text(encoding="utf-8"))
    if not state:
        shutil.copyfile(source.folder / INDEX, folder / INDEX)
        return
    held["weight_map"] = dict(sorted({**held["weight_map"], **dict.fromkeys(state, last)}.items()))
    size = held.get("metadata", {}).get("total_size")
    if size is not None:
        added = sum(tensor.numel() * kind.itemsize for tensor, kind in state.values())
        held["metadata"]["total_size"] = size + added
    (folder / INDEX).write_text(json_text(held), encoding="utf-8")
