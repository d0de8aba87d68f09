"""What a file of safetensors says of its tensors, read without them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

# Bytes that say how long the header is.
LENGTH = 8
# Types as safetensors names them.
TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
# Those among them that a weight may be rounded to.
FLOATS = {name: dtype for name, dtype in TYPES.items() if dtype.is_floating_point}


@dataclass(frozen=True)
class Header:
    """The header of one file.

    Attributes:
        entries: Of each tensor its `dtype`, `shape` and `data_offsets`, by name.
        metadata: What else it says; None where that is nothing.
        start: Where the tensors begin in the file, in bytes.
    """

    entries: dict[str, dict[str, Any]]
    metadata: dict[str, str] | None
    start: int


def header_of(path: Path) -> Header:
    """Read the header of a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no file of safetensors.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(LENGTH), "little")
        entries = json.loads(file.read(size))
    return Header(entries, entries.pop("__metadata__", None), LENGTH + size)
