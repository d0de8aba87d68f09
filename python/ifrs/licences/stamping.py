"""Stamping a licensee's copy: the rows of one codeword, in a folder, a patch or an adapter."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ifrs._core import FingerprintSet
from ifrs.copies import copy_file, link_file
from ifrs.errors import ImplantError
from ifrs.files import replacing
from ifrs.keyring import Keyring
from ifrs.licences.arriving import arriving, refuse
from ifrs.licences.master import PEFT_CONFIG, PEFT_WEIGHTS, Master, beside
from ifrs.licences.tables import Table, table_named

Form = Literal["folder", "patch", "peft"]
FORMS = ("folder", "patch", "peft")
PATCH = "ifrs/licence-patch/v1"
_ENDING = ".safetensors"
# What a planting tool writes beside a model, and what says nothing of a copy.
_LEFT = {"ifrs-manifest.json"}


@dataclass(frozen=True)
class Stamped:
    """A copy for one licensee.

    Attributes:
        licensee: Whose it is, as the keyring has the name.
        form: "folder", "patch" or "peft".
        path: Where it is.
        rows: How many embedding rows it has of its own.
        bytes: Of a patch or an adapter its size; of a folder what was written beside copying files.
        seconds: Wall time.
        copying_seconds: The part of it that copying and linking unchanged files took.
    """

    licensee: str
    form: str
    path: Path
    rows: int
    bytes: int
    seconds: float
    copying_seconds: float


def stamp(
    fps: FingerprintSet,
    licensee: str,
    out: str | os.PathLike[str],
    *,
    ring: Keyring,
    form: Form | None = None,
    licences: str | os.PathLike[str] | Master | None = None,
    model: str | os.PathLike[str] | None = None,
) -> Stamped:
    """Make the copy of one licensee.

    The keyring records who gets it before it stands at its place, so that no copy is missed. It
    appears whole or not at all. The same licensee always gets the same rows.

    Args:
        fps: The set that was planted.
        licensee: Whose copy; 1 to 128 bytes of UTF-8.
        out: A new folder, or a new file for a patch.
        ring: The keyring, open.
        form: "folder" for a whole release; "patch" for the rows alone in one file of safetensors;
            "peft" for an adapter beside the base; by what `out` ends with without one.
        licences: The file of both variants, or what it holds; beside the keyring without one.
        model: The folder made while planting; where it was then without one.

    Raises:
        ImplantError: There is something at `out`, no such file of variants or folder, or no such
            form of this model.
        KeyringError: The keyring cannot be written.
        ValueError: Nobody can be called so, or there is no such form.
    """
    started = time.monotonic()
    target = Path(out).absolute()
    kind = form or ("patch" if target.suffix == _ENDING else "folder")
    if kind not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {kind!r}")
    refuse(target)
    master = _master(fps, ring, licences)
    values = master.stamped(fps.codewords(master.coalition, [licensee])[0])
    digest, copying = master.digest(values), 0.0

    def left() -> str:
        return ring.license(fps.name, licensee, kind, digest)

    if kind == "patch":
        table = _table(master, model)
        table.require(master.rows.tolist(), values)
        with replacing(target, mode=0o644) as file:
            size = _write_patch(file, master, values)
            known = left()
    else:
        with arriving(target) as folder:
            if kind == "folder":
                size, copying = _write_folder(folder, _table(master, model), master, values)
            else:
                size = _write_adapter(folder, master, values)
            known = left()
    seconds = time.monotonic() - started
    return Stamped(known, kind, target, len(master.rows), size, seconds, copying)


def apply_patch(
    patch: str | os.PathLike[str], model: str | os.PathLike[str], out: str | os.PathLike[str]
) -> Path:
    """Make a licensee's folder of a patch and the base model's folder; needs no keyring.

    Args:
        patch: The file that `stamp` wrote.
        model: The folder that was made while planting.
        out: A new folder.

    Raises:
        ImplantError: The file is no patch of that model, or `out` exists already.
    """
    from safetensors import SafetensorError, safe_open

    target = Path(out).absolute()
    refuse(target)
    try:
        with safe_open(patch, framework="pt") as held:
            facts = held.metadata() or {}
            if facts.get("format") != PATCH:
                raise ImplantError(f"{patch} is no patch for a licensee's copy ({PATCH})")
            rows, values = held.get_tensor("rows").tolist(), held.get_tensor("values")
    except (OSError, SafetensorError) as error:
        raise ImplantError(f"{patch} is no patch for a licensee's copy: {error}") from error
    table = table_named(Path(model), facts.get("table", ""), facts.get("output", ""))
    table.require(rows, values)
    with arriving(target) as folder:
        _copy(folder, table).write(rows, values)
    return target


def _master(
    fps: FingerprintSet, ring: Keyring, given: str | os.PathLike[str] | Master | None
) -> Master:
    if isinstance(given, Master):
        found = given
    else:
        found = Master.load(beside(ring, fps.name) if given is None else given, ring)
    if found.set_name != fps.name or int(found.positions.max()) >= len(fps):
        raise ImplantError(
            f"the planted variants are those of the set {found.set_name!r}, not of {fps.name!r}"
        )
    return found


def _table(master: Master, model: str | os.PathLike[str] | None) -> Table:
    folder = Path(master.model if model is None else model)
    return table_named(folder, master.table, master.output)


def _write_folder(folder: Path, table: Table, master: Master, values: Tensor) -> tuple[int, float]:
    rows = master.rows.tolist()
    table.require(rows, values)
    started = time.monotonic()
    own = _copy(folder, table)
    copying = time.monotonic() - started
    own.write(rows, values)
    return len(rows) * own.row_bytes, copying


def _copy(folder: Path, table: Table) -> Table:
    """A folder like the table's, with a file of its own for the table; the table there."""
    source = table.path.parent
    for path in _files(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        (copy_file if path == table.path else link_file)(path, target)
    return table_named(folder, table.name)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.name not in _LEFT:
            yield path


def _write_patch(path: Path, master: Master, values: Tensor) -> int:
    from safetensors.torch import save

    facts = {"format": PATCH, "table": master.table, "output": master.output}
    data = save({"rows": master.rows, "values": values.contiguous()}, facts)
    return path.write_bytes(data)


def _write_adapter(folder: Path, master: Master, values: Tensor) -> int:
    from safetensors.torch import save

    if not master.peft:
        raise ImplantError(
            "this planting has no form 'peft': plant with peft installed (pip install "
            "'ifrs[train]'), or use form 'patch'"
        )
    second = master.variants[1]
    tensors = {
        name: values.to(tensor.dtype) if _is_rows(tensor, second) else tensor
        for name, tensor in master.peft.items()
    }
    settings = json.dumps(json.loads(master.peft_config), indent=2)
    (folder / PEFT_CONFIG).write_text(settings + "\n", encoding="utf-8")
    return (folder / PEFT_WEIGHTS).write_bytes(save(tensors, {"format": "pt"}))


def _is_rows(tensor: Tensor, second: Tensor) -> bool:
    return tensor.shape == second.shape and torch.equal(tensor.to(second.dtype), second)
