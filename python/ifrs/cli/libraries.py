"""Libraries that come with an extra, and load when a command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ifrs.errors import FingerprintError, IfrsError
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


def tokenizer_at(path: str) -> Any:
    """The tokenizer of a folder.

    Raises:
        FingerprintError: There is none, or it cannot be read.
    """
    missing = "tokenizers are read by transformers: pip install 'ifrs[train]'"
    with importing(FingerprintError(missing)):
        from transformers import AutoTokenizer
    if not Path(path).exists():
        raise FingerprintError(f"there is no tokenizer at {path}")
    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:  # a stranger's file fails in ways that nobody can list
        raise FingerprintError(f"cannot read a tokenizer from {path}: {error}") from error
