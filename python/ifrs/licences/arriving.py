"""Folders that are whole or not there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ifrs.errors import ImplantError
from ifrs.files import sync_tree


def refuse(target: Path) -> None:
    """Refuse to write over what is there.

    Raises:
        ImplantError: There is a file, or a folder with something in it.
    """
    if target.is_symlink() or target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise ImplantError(f"{target} exists already: choose another place")


@contextmanager
def arriving(target: Path) -> Iterator[Path]:
    """A folder beside another that takes its place, synced, when the block ends well.

    Yields:
        The path of the new folder, which is empty. Gone if the block raises.

    Raises:
        ImplantError: There is something at the place, or it cannot be written.
    """
    refuse(target)
    beside = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        yield beside
        sync_tree(beside)
        beside.chmod(0o755)
        beside.replace(target)
        sync_tree(target.parent, deep=False)
    except OSError as error:
        raise ImplantError(f"cannot write {target}: {error}") from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
