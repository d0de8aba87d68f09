"""Folders that are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ifrs import files
from ifrs.errors import ImplantError


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
    try:
        with files.arriving(target) as folder:
            yield folder
    except OSError as error:
        raise ImplantError(f"cannot write {target}: {error}") from error
