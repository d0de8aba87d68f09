"""Digests of a released model's files, as OpenSSF Model Signing takes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ifrs.errors import EvidenceError
from ifrs.files import digest_of

_WEIGHTS = {
    ".safetensors",
    ".bin",
    ".ckpt",
    ".gguf",
    ".h5",
    ".msgpack",
    ".npz",
    ".onnx",
    ".pt",
    ".pth",
    ".zip",
}

Subject = str | os.PathLike[str] | Mapping[str, str]


def subject_digests(subject: Subject) -> tuple[str, dict[str, str]]:
    """What a claim is about: a name for the whole, and name and SHA-256 of each weight file.

    Args:
        subject: A model's folder, one weight file, or digests in hexadecimal by name.

    Raises:
        EvidenceError: There is no weight file.
        TypeError: It is none of these.
    """
    if isinstance(subject, Mapping):
        digests = {str(name): str(digest).lower() for name, digest in subject.items()}
        if not digests:
            raise EvidenceError("the subject has no files: give name and sha256 of each")
        return "model", digests
    if not isinstance(subject, (str, os.PathLike)):
        raise TypeError("subject must be a folder, a file, or sha256 digests by file name")
    path = Path(subject)
    return path.absolute().name, model_digests(path)


def model_digests(path: str | os.PathLike[str]) -> dict[str, str]:
    """SHA-256, in hexadecimal, of every weight file in a model's folder, by relative path.

    Raises:
        EvidenceError: There is no weight file there.
    """
    root = Path(path)
    if root.is_file():
        return {root.name: digest_of(root)}
    if not root.is_dir():
        raise EvidenceError(f"there is no model at {root}: give its folder")
    # Hidden files are caches and history; links, as the cache of a hub has them, are followed.
    files = [
        file
        for file in sorted(root.rglob("*"))
        if file.suffix in _WEIGHTS and file.is_file() and not _hidden(file.relative_to(root))
    ]
    if not files:
        raise EvidenceError(f"there is no weight file in {root}: give the released model's folder")
    return {file.relative_to(root).as_posix(): digest_of(file) for file in files}


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
