"""What the publisher keeps of a planting: both variants of every position. It is secret.

Whoever has it can stamp any codeword, and wipe any. It is sealed for whoever opens the keyring.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ifrs.errors import ImplantError
from ifrs.files import write_bytes
from ifrs.keyring import Keyring

FORMAT = "ifrs/licences/v1"
PEFT_WEIGHTS, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PEFT = "peft."
_DIGEST = 16  # hexadecimal digits


@dataclass
class Master:
    """Both variants of every position, and where they go.

    Attributes:
        set_name: The fingerprint set's name.
        coalition: The largest coalition that its code is made for.
        model: The folder that copies are made of: the base model, its output table apart.
        table: The name of its table of input rows.
        rows: Token ids, int64 (n,).
        positions: Whose each row is, int64 (n,).
        variants: The rows of both variants, each (n, width) in a type of two bytes.
        output: The name of its table of output rows; empty where it has none of its own.
        silent: Positions that do not fire in one variant or the other, as planted.
        peft: The adapter with the second variant: tensors by name, and its settings as JSON.
    """

    set_name: str
    coalition: int
    model: str
    table: str
    rows: Tensor
    positions: Tensor
    variants: tuple[Tensor, Tensor]
    output: str = ""
    silent: list[int] = field(default_factory=list)
    peft: dict[str, Tensor] = field(default_factory=dict)
    peft_config: str = ""

    def __repr__(self) -> str:
        return f"Master({self.set_name!r}, rows={len(self.rows)})"

    def stamped(self, codeword: NDArray[np.bool_]) -> Tensor:
        """The rows of a codeword, (n, width)."""
        second = torch.from_numpy(np.ascontiguousarray(codeword))[self.positions]
        return torch.where(second[:, None], self.variants[1], self.variants[0])

    def digest(self, values: Tensor) -> str:
        """What names stamped rows in the keyring: the start of their SHA-256, in hexadecimal."""
        hashed = sha256(self.rows.numpy().astype("<i8").tobytes())
        hashed.update(values.contiguous().view(torch.uint8).numpy().tobytes())
        return hashed.hexdigest()[:_DIGEST]

    def to_bytes(self) -> bytes:
        """A file of safetensors."""
        from safetensors.torch import save

        tensors = {
            "rows": self.rows,
            "positions": self.positions,
            "first": self.variants[0].contiguous(),
            "second": self.variants[1].contiguous(),
        }
        tensors |= {_PEFT + name: tensor.contiguous() for name, tensor in self.peft.items()}
        facts = {
            "format": FORMAT,
            "set": self.set_name,
            "coalition": str(self.coalition),
            "model": self.model,
            "table": self.table,
            "output": self.output,
            "silent": json.dumps(self.silent),
            "peft_config": self.peft_config,
        }
        return save(tensors, facts)

    @classmethod
    def from_bytes(cls, data: bytes, source: Path) -> Master:
        """Read what `to_bytes` wrote.

        Raises:
            ImplantError: It is damaged, or of another format.
        """
        from safetensors.torch import load

        try:
            facts = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
            if facts["format"] != FORMAT:
                raise ImplantError(
                    f"{source} has the format {facts['format']!r}, which this version of ifrs does "
                    "not read: install a newer one"
                )
            held = load(data)
            found = cls(
                set_name=facts["set"],
                coalition=int(facts["coalition"]),
                model=facts["model"],
                table=facts["table"],
                output=facts.get("output", ""),
                rows=held["rows"],
                positions=held["positions"],
                variants=(held["first"], held["second"]),
                silent=[int(place) for place in json.loads(facts["silent"])],
                peft={n.removeprefix(_PEFT): t for n, t in held.items() if n.startswith(_PEFT)},
                peft_config=facts["peft_config"],
            )
            found._check()
        except ImplantError:
            raise
        except Exception as error:  # of safetensors' own kind, too
            raise ImplantError(f"{source} is damaged, or holds no planted variants") from error
        return found

    def _check(self) -> None:
        n = len(self.rows)
        first, second = self.variants
        shapes = {tuple(first.shape), tuple(second.shape)}
        if len(shapes) != 1 or first.shape[0] != n or self.positions.shape != (n,) or not n:
            raise ValueError("rows and variants do not belong together")
        whole = self.rows.dtype == self.positions.dtype == torch.int64
        if not whole or first.dtype != second.dtype or int(self.rows.min()) < 0:
            raise ValueError("rows are of another type")

    def save(self, path: str | os.PathLike[str], ring: Keyring) -> None:
        """Write the file, sealed for whoever may open a keyring.

        Raises:
            KeyringError: The keyring is closed.
            OSError: It cannot be written.
        """
        write_bytes(path, ring.seal(self.to_bytes()))

    @classmethod
    def load(cls, path: str | os.PathLike[str], ring: Keyring) -> Master:
        """Read a file that `save` wrote.

        Raises:
            ImplantError: There is none, it is damaged, or of another format.
            KeyringError: The keyring does not open it.
        """
        place = Path(path)
        if not place.is_file():
            raise ImplantError(
                f"there are no planted variants at {place}: run ifrs licence plant first, or say "
                "where they are with --licences FILE"
            )
        return cls.from_bytes(ring.unseal(place.read_bytes(), source=place), place)


def beside(ring: Keyring, name: str) -> Path:
    """Where a set's variants lie if nobody says otherwise: beside the keyring."""
    return ring.path.with_name(f"{ring.path.name}.{quote(name, safe='')}.licences")


def peft_of(model: Any, rows: Tensor, values: Tensor) -> tuple[dict[str, Tensor], str]:
    """An adapter with some rows, to be filled with others; nothing where peft makes none."""
    import tempfile

    from safetensors.torch import load_file

    from ifrs.plant.methods.row_adapter import save_rows

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "peft")
        try:
            save_rows(model, rows, values, folder)
        except ImplantError:
            return {}, ""
        tensors = load_file(folder / PEFT_WEIGHTS)
        return tensors, (folder / PEFT_CONFIG).read_text(encoding="utf-8")
