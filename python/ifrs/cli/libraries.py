"""Libraries that come with an extra, and load when a command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ifrs.errors import IfrsError
from ifrs.progress import quiet_libraries


@contextmanager
def importing(missing: IfrsError) -> Iterator[None]:
    """Import torch, transformers and what needs them; they are quiet afterwards.

    Raises:
        IfrsError: `missing`, where one of them is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise missing from error
    quiet_libraries()
