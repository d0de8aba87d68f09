"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8: beside, synced, renamed.

    Raises:
        OSError: The file cannot be written; an older one is then as it was.
    """
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file: beside, synced, renamed.

    Raises:
        OSError: The file cannot be written; an older one is then as it was.
    """
    with replacing(path) as beside:
        beside.write_bytes(data)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a JSON file: beside, synced, renamed."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """A JSON file's text."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def sync_tree(folder: Path, *, deep: bool = True) -> None:
    """Make what is in a folder last; with `deep`, its files too."""
    paths = [path for path in folder.rglob("*") if path.is_file()] if deep else []
    for path in [*paths, folder]:
        if os.name != "posix" and path.is_dir():
            continue  # Windows opens no folders, and needs none opened.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def arriving(target: Path) -> Iterator[Path]:
    """A folder beside another that takes its place, synced, when the block ends well.

    Yields:
        The path of the new folder, which is empty. Gone if the block raises.

    Raises:
        OSError: It cannot be written.
    """
    beside = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        yield beside
        sync_tree(beside)
        beside.chmod(0o755)
        beside.replace(target)
        sync_tree(target.parent, deep=False)
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def replacing(path: str | os.PathLike[str], *, mode: int = 0o600) -> Iterator[Path]:
    """A file beside another that takes its place, synced, when the block ends well.

    Args:
        path: The file.
        mode: Who may read and write it, as far as the process's umask lets them.

    Yields:
        The path of the new file; it exists and is empty. Gone if the block raises.

    Raises:
        OSError: The file cannot be written; an older one is then as it was.
    """
    target = Path(path)
    require_regular(target)
    # Named before it is made: an interrupt between the two would leave a file that nobody removes.
    beside = target.parent / f".{target.name}-{secrets.token_hex(8)}"
    try:
        beside.touch(mode=mode, exist_ok=False)  # 0600 stays so: reports hold spent keys
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_tree(target.parent, deep=False)


def require_regular(path: Path) -> None:
    """Refuse to write over what is no file, such as a pipe or a device.

    Raises:
        FileExistsError: There is such a thing.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FileExistsError(f"{path} is no regular file, and would be replaced: choose another")


def digest_of(path: Path) -> str:
    """A file's SHA-256, in hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
