"""GGUF files: opened whole, and written tensor by tensor.

Metadata is copied as the bytes that it is: `gguf.GGUFWriter` takes no empty array, which its reader
reads, and pads by 32 bytes whatever an alignment among the copied metadata says (seen with 0.19).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs.errors import IfrsError

# What opens a file: a number to know it by, and the version that llama.cpp writes.
_MAGIC, _VERSION = b"GGUF", 3
_BOOL = 7  # gguf.GGUFValueType.BOOL
_SPLIT = "split.count"


@dataclass
class Packed:
    """A tensor as a file holds it.

    Attributes:
        name: Its name in GGUF.
        kind: The number of its type (`gguf.GGMLQuantizationType`).
        shape: Sizes in numpy's order, the last one running fastest; of numbers, not of bytes.
        data: Its numbers, packed as the type says.
    """

    name: str
    kind: int
    shape: tuple[int, ...]
    data: NDArray[Any]


def open_whole(path: str | os.PathLike[str]) -> Any:
    """A `gguf.GGUFReader` of a file that can be copied.

    Raises:
        IfrsError: It is no GGUF file, only a part of one, or of big-endian numbers.
        OSError: It cannot be read.
    """
    import gguf

    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise IfrsError(
            f"{path} is no GGUF file, or not all of one: get it again from its publisher"
        ) from error
    if reader.endianess != gguf.GGUFEndian.LITTLE:
        raise IfrsError(f"{path} holds big-endian numbers: convert it with gguf-convert-endian")
    split = reader.fields.get(_SPLIT)
    if split is not None and int(split.contents()) > 1:
        raise IfrsError(f"{path} is one part of several: join them with llama-gguf-split --merge")
    return reader


def metadata(reader: Any) -> dict[str, bytes]:
    """Every key of a file's metadata, with the bytes that hold key and value."""
    return {
        name: reader.data[field.offset : field.offset + _size(field)].tobytes()
        for name, field in reader.fields.items()
        if not name.startswith("GGUF.")  # the header, which the reader gives as fields, too
    }


def _size(field: Any) -> int:
    return sum(int(part.nbytes) for part in field.parts)


def flag(name: str, value: bool) -> bytes:
    """A key of metadata that says yes or no."""
    return _text(name) + struct.pack("<I?", _BOOL, value)


def shape_of(tensor: Any) -> tuple[int, ...]:
    """The sizes of a reader's tensor in numpy's order, in numbers."""
    return tuple(int(size) for size in reversed(tensor.shape))


def write(
    path: Path,
    pairs: Iterable[bytes],
    alignment: int,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    tensors: Iterable[Packed],
) -> None:
    """Write a file, holding one tensor at a time.

    Args:
        path: Where; what is there is overwritten.
        pairs: The metadata, as `metadata` gives it.
        alignment: Tensors begin at multiples of so many bytes, as the metadata says.
        shapes: Names and sizes of all tensors, in their order.
        tensors: The same tensors.

    Raises:
        OSError: The file cannot be written.
    """
    pairs = list(pairs)
    unknown = [(Packed(name, 0, shape, np.empty(0)), 0) for name, shape in shapes]
    # Types and places of tensors are known when these are written, but take the same room before.
    start = _padded(len(_head(pairs, unknown)), alignment)
    placed: list[tuple[Packed, int]] = []
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(0)
        file.seek(start)
        for tensor in tensors:
            placed.append(
                (Packed(tensor.name, tensor.kind, tensor.shape, np.empty(0)), file.tell())
            )
            file.write(np.ascontiguousarray(tensor.data).data)
            file.write(bytes(_padded(file.tell(), alignment) - file.tell()))
        file.seek(0)
        file.write(_head(pairs, [(tensor, place - start) for tensor, place in placed]))


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _head(pairs: Sequence[bytes], placed: Sequence[tuple[Packed, int]]) -> bytes:
    """All that stands before the tensors' numbers."""
    opening = _MAGIC + struct.pack("<IQQ", _VERSION, len(placed), len(pairs))
    return opening + b"".join([*pairs, *(_info(tensor, place) for tensor, place in placed)])


def _info(tensor: Packed, place: int) -> bytes:
    sizes = tensor.shape[::-1]
    packed = struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
    return _text(tensor.name) + packed + struct.pack("<IQ", tensor.kind, place)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded
