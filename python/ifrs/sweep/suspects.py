"""Suspects of a sweep: what they are called, and which of them are one and the same."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PORTS = {"http": 80, "https": 443}
_LONGEST = 48  # characters of a name within a file's name


@dataclass(frozen=True)
class Suspect:
    """One suspect.

    Attributes:
        line: Its line in the list.
        label: What it is called; without password, query or key.
        identity: Alike for two lines that name one suspect; without secrets, too.
        served: Whether it is behind a server, so that each key that it gets is spent.
        brings_code: Whether code that comes with it runs here.
        make: Loads a model at hand, or gives the one behind a server.
    """

    line: int
    label: str
    identity: str
    served: bool
    make: Callable[[], Any] = field(repr=False, compare=False)
    brings_code: bool = False

    @property
    def id(self) -> str:
        """A name for files."""
        return file_name(self.label, self.identity)


def file_name(label: str, identity: str | None = None) -> str:
    """A file's name for anything that has a label: readable, and unlike any other's."""
    digest = hashlib.sha256((label if identity is None else identity).encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-")[-_LONGEST:].strip("-")
    return f"{readable}-{digest}" if readable else digest


def server_identity(address: str, model: str) -> str:
    """One for all spellings of an address, with the model's name."""
    parts = urlsplit(address)
    host = (parts.hostname or "").lower().rstrip(".")
    host = "localhost" if host in _LOOPBACK else host
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')} {model}"


def local_identity(place: str, *within: str | None) -> str:
    """One for all paths to a folder or file, or a model id; with what is meant within it."""
    whole = os.path.realpath(place) if os.path.exists(place) else place
    return " ".join([whole, *(part for part in within if part is not None)])
