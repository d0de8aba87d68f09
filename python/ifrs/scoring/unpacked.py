"""Files as streams of bytes, unpacked where they are packed."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ifrs.scoring.forms import packing_of

_HEAD = 4
STDIN = Path("-")


class Broken(ValueError):
    """A packed file that ends too soon, or is damaged."""


def head_of(path: Path) -> bytes:
    """The first bytes of a file as it lies on disk.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return file.read(_HEAD)


@contextmanager
def regular(path: Path) -> Iterator[Path]:
    """A file that can be read twice: what comes through a pipe, or `-`, is copied first.

    Raises:
        OSError: It cannot be read.
    """
    if path != STDIN and (path.is_file() or not path.exists() or path.is_dir()):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ifrs-") as folder:
        copy = Path(folder) / "copy"
        with _piped(path) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield copy


@contextmanager
def unpacked_copy(path: Path, shown: Path) -> Iterator[Path]:
    """A packed file as it was before, for what is not read from its beginning to its end.

    Raises:
        ValueError: The packing is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="ifrs-") as folder:
        copy = Path(folder) / "copy"
        with copy.open("wb") as target:
            target.writelines(Unpacked(path).blocks(shown, 1 << 20))
        yield copy


@contextmanager
def _piped(path: Path) -> Iterator[IO[bytes]]:
    with open(0 if path == STDIN else path, "rb", closefd=path != STDIN) as source:
        yield source


class Unpacked:
    """A file's bytes, unpacked, and how much of the file has been read."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            OSError: It cannot be read.
            ImportError: It is packed by zstd and pyarrow is missing.
        """
        self.path = path
        self.packed = packing_of(head_of(path))
        self.total = path.stat().st_size
        self._raw = path.open("rb")
        self.stream: IO[bytes] = self._raw
        if self.packed == "gzip":
            self.stream = cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw))
        elif self.packed == "zstd":
            self.stream = _zstd(self._raw)

    @property
    def position(self) -> int:
        """Bytes of the file on disk that have been read."""
        return self.total if self._raw.closed else self._raw.tell()

    def lines(self, shown: Path) -> Iterator[bytes]:
        """The lines, each with its end.

        Raises:
            ValueError: The packing is damaged.
        """
        with self, sound(shown):
            yield from self.stream

    def blocks(self, shown: Path, size: int = 1 << 16) -> Iterator[bytes]:
        """The bytes, some at a time.

        Raises:
            ValueError: The packing is damaged.
        """
        with self, sound(shown):
            while block := self.stream.read(size):
                yield block

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self._raw.close()


@contextmanager
def sound(shown: Path) -> Iterator[None]:
    """Damage to the packing as one error.

    Raises:
        ValueError: What is read within is damaged.
    """
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Broken(f"{shown} is damaged, or ends too soon: {error}") from error
    except OSError as error:
        # pyarrow's, which has no number.
        if error.errno is not None:
            raise
        raise Broken(f"{shown} is damaged, or ends too soon: {error}") from error


def _zstd(raw: IO[bytes]) -> IO[bytes]:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError(
            "looking into this file needs pyarrow: pip install pyarrow, or unpack it with zstd -d"
        ) from error
    stream: Any = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    return cast("IO[bytes]", io.BufferedReader(stream, 1 << 16))
