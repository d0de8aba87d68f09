"""The F-Adapter that a publisher keeps, and its file (Xu et al., 2024, section 3)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs.errors import ImplantError
from ifrs.files import write_bytes

FORMAT = "ifrs/adapter/v1"
_AGE = b"age-encryption.org/"
# What pickles and the archives that torch.save makes of them begin with.
_PICKLES = (b"\x80", b"PK\x03\x04", b"(", b"c")


@dataclass(repr=False)
class FAdapter:
    """A low-rank map on the rows of some tokens, and what belongs to it.

    With the publisher's transformer it makes keys fire where the rows descend from the published
    ones, and not where they are the base model's.

    Attributes:
        set_name: The fingerprint set's name.
        rows: Token ids, int64 (n,).
        base: The base model's rows of those tokens, float32 (n, width): the control.
        down: The first factor of the map, float32 (width, rank).
        up: The second one, float32 (rank, width).
        transformer: `transformer_digest` of the publisher's model.
        published: Where the published model was saved, if it was.
        model: The published model, if it is at hand.
    """

    set_name: str
    rows: Tensor
    base: Tensor
    down: Tensor
    up: Tensor
    transformer: str
    published: Path | None = None
    model: Any = None

    def __repr__(self) -> str:
        rank = self.down.shape[1]
        return f"FAdapter({self.set_name!r}, rows={len(self.rows)}, rank={rank})"

    def __call__(self, rows: Tensor) -> Tensor:
        """The map: what it makes of rows, float32 (n, width)."""
        return rows + (rows @ self.down.to(rows.device)) @ self.up.to(rows.device)

    def to_bytes(self, beside: Path | None = None) -> bytes:
        """The adapter as safetensors; a path in it is relative to the folder `beside`."""
        from safetensors.torch import save

        facts = {"format": FORMAT, "set": self.set_name, "transformer": self.transformer}
        if self.published is not None and beside is not None:
            facts["published"] = os.path.relpath(self.published, beside)
        tensors = {"rows": self.rows, "base": self.base, "down": self.down, "up": self.up}
        contiguous = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        return bytes(save(contiguous, metadata={"ifrs": json.dumps(facts)}))

    def save(self, path: str | os.PathLike[str], *, keyring: Any = None) -> Path:
        """Write the adapter's file, readable by its owner alone; whole or not at all.

        Args:
            path: Where.
            keyring: Encrypt the file (age v1) for whoever may open this keyring.

        Raises:
            ImplantError: There is a file already, or it cannot be written.
        """
        target = Path(path).absolute()
        if target.exists():
            raise ImplantError(f"{target} exists already: choose another file")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            data = self.to_bytes(target.parent)
            write_bytes(target, data if keyring is None else keyring.seal(data))
        except OSError as error:
            raise ImplantError(f"cannot write {target}: {error}") from error
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, keyring: Any = None) -> FAdapter:
        """Read an adapter's file.

        Args:
            path: Where it is.
            keyring: Opens it where it is encrypted.

        Raises:
            ImplantError: It is no adapter, damaged, of a later version, a pickle, or encrypted
                and there is no keyring.
            WrongPassphrase: What opened the keyring does not open the adapter.
            KeyringCorrupt: The encrypted file is damaged.
        """
        source = Path(path).absolute()
        try:
            data = source.read_bytes()
        except OSError as error:
            raise ImplantError(f"cannot read the adapter {source}: {error}") from error
        if data.startswith(_AGE):
            if keyring is None:
                raise ImplantError(
                    f"{source} is encrypted: FAdapter.load(path, keyring=…) opens it, with the "
                    "keyring that it was sealed for"
                )
            data = keyring.unseal(data, source=source)
        return cls.from_bytes(data, source)

    @classmethod
    def from_bytes(cls, data: bytes, source: Path) -> FAdapter:
        """Take an adapter apart; `source` names it in errors and is what its path is relative to.

        Raises:
            ImplantError: It is no adapter, damaged, of a later version, or a pickle.
        """
        facts, tensors = _parse(data, source)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        try:
            (n,), (_, width), (_, rank) = shapes["rows"], shapes["base"], shapes["down"]
            wanted = {
                "rows": (n,),
                "base": (n, width),
                "down": (width, rank),
                "up": (rank, width),
            }
            fine = shapes == wanted and tensors["rows"].dtype == torch.int64
        except (KeyError, ValueError):
            fine = False
        if not fine:
            raise ImplantError(f"{source} is damaged: its tensors do not fit together")
        published = facts.get("published")
        return cls(
            set_name=str(facts.get("set")),
            transformer=str(facts.get("transformer")),
            published=(source.parent / published).resolve() if published else None,
            **tensors,
        )


def _parse(data: bytes, source: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    if data.startswith(_PICKLES) and data[8:9] != b"{":
        raise ImplantError(
            f"{source} is a pickle, which can run any program when it is read: refused; "
            "adapters are safetensors files"
        )
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        facts = json.loads(header["__metadata__"]["ifrs"])
        version = facts["format"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ImplantError(f"{source} is no adapter of ifrs, or damaged") from error
    if version != FORMAT:
        raise ImplantError(f"{source} has the format {version!r}: a later ifrs reads it")
    return facts, tensors


def transformer_digest(model: Any) -> str:
    """SHA-256 of everything but the input embeddings, rounded to bfloat16.

    Rounded, so that a model loaded in bfloat16 or in float32 is known as the same.
    """
    table = model.get_input_embeddings().weight
    output = model.get_output_embeddings().weight
    state = model.state_dict(keep_vars=True)
    parts = [(name, state[name]) for name in sorted(state)]
    # Output embeddings count by what they hold, tied to the input or not.
    parts = [part for part in parts if part[1] is not table and part[1] is not output]
    digest = sha256()
    for name, tensor in [*parts, ("output", output)]:
        digest.update(name.encode())
        plain = tensor.detach().reshape(-1).to("cpu", torch.bfloat16)
        digest.update(memoryview(plain.view(torch.uint8).numpy()))
    return digest.hexdigest()
