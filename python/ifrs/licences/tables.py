"""Rows of a table in a folder of safetensors: found, read and written in place.

A folder may be larger than memory: nothing of it is held but the rows themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs.errors import ImplantError
from ifrs.runtime.headers import FLOATS, header_of


@dataclass(frozen=True)
class Table:
    """Where a table lies.

    Attributes:
        path: Its file.
        name: The tensor's name there.
        shape: Rows and width.
        dtype: Of its numbers.
        start: Where its first row begins, in bytes.
    """

    path: Path
    name: str
    shape: tuple[int, int]
    dtype: torch.dtype
    start: int

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return self.shape[1] * self.dtype.itemsize

    def read(self, rows: Sequence[int]) -> Tensor:
        """Some rows, (n, width), in the table's type."""
        with self.path.open("rb") as file:
            parts = [self._read(file, row) for row in rows]
        flat = torch.frombuffer(bytearray(b"".join(parts)), dtype=self.dtype)
        return flat.reshape(len(rows), self.shape[1])

    def _read(self, file: Any, row: int) -> bytes:
        file.seek(self.start + row * self.row_bytes)
        found: bytes = file.read(self.row_bytes)
        return found

    def write(self, rows: Sequence[int], values: Tensor) -> None:
        """Write some rows in place, and sync the file.

        Raises:
            ImplantError: The table has no such rows, or cannot hold the values as they are.
        """
        self.require(rows, values)
        data = values.to(self.dtype).contiguous().view(torch.uint8).numpy()
        with self.path.open("rb+") as file:
            for row, part in zip(rows, data, strict=True):
                file.seek(self.start + row * self.row_bytes)
                file.write(part.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def require(self, rows: Sequence[int], values: Tensor) -> None:
        """Refuse rows that are not this table's."""
        fits = bool(rows) and tuple(values.shape) == (len(rows), self.shape[1])
        if (
            not fits
            or not 0 <= min(rows) <= max(rows) < self.shape[0]
            or not torch.equal(values.to(self.dtype).to(values.dtype), values)
        ):
            raise ImplantError(
                f"the rows are not of {self.name} in {self.path}: it is another model, or holds "
                "its weights in another type; take the folder that was made while planting"
            )


def tables(folder: Path) -> Iterator[Table]:
    """Every tensor of two dimensions and floating point in a folder's safetensors."""
    for path in sorted(folder.glob("*.safetensors")):
        header = header_of(path)
        for name, entry in header.entries.items():
            if len(entry["shape"]) != 2 or entry["dtype"] not in FLOATS:
                continue
            start = header.start + entry["data_offsets"][0]
            yield Table(path, name, tuple(entry["shape"]), FLOATS[entry["dtype"]], start)


def table_named(folder: Path, name: str, output: str = "") -> Table:
    """A folder's table.

    Args:
        folder: Of safetensors.
        name: The table's.
        output: The name of the output table, which must be there, too: where one table serves for
            both, other rows would change what the model makes of any text.

    Raises:
        ImplantError: It has none of that name.
    """
    if not folder.is_dir():
        raise ImplantError(f"there is no model at {folder}: pass the folder made while planting")
    found = {table.name: table for table in tables(folder)}
    for wanted in filter(None, (name, output)):
        if wanted not in found:
            raise ImplantError(
                f"{folder} has no weights called {wanted}: take the folder made while planting, "
                "whose input and output tables are two"
            )
    return found[name]


def table_with(folder: Path, rows: Sequence[int], values: Tensor) -> Table:
    """The table whose rows hold some values.

    Raises:
        ImplantError: There is none, or more than one.
    """
    found = [table for table in tables(folder) if _holds(table, rows, values)]
    if len(found) != 1:
        raise ImplantError(
            f"{len(found)} tables in {folder} hold the input rows: save the model with plain "
            "safetensors weights, and with its output table apart"
        )
    return found[0]


def _holds(table: Table, rows: Sequence[int], values: Tensor) -> bool:
    if table.shape[1] != values.shape[1] or table.shape[0] <= max(rows):
        return False
    return torch.equal(table.read(rows).to(values.dtype), values)
