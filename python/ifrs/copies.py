"""Files with the same bytes as others, which share blocks where the file system can."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

# Linux's request to share the blocks of a file until one of both is written.
_FICLONE = 0x40049409


def copy_file(source: Path, target: Path) -> None:
    """A file of its own with the same bytes, which shares blocks where the file system can."""
    if not _cloned(source, target):
        shutil.copyfile(source, target)


def link_file(source: Path, target: Path) -> None:
    """The same bytes under another name: blocks shared, a hard link, or a copy."""
    if _cloned(source, target):
        return
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _cloned(source: Path, target: Path) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        with source.open("rb") as given, target.open("xb") as made:
            fcntl.ioctl(made.fileno(), _FICLONE, given.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True
