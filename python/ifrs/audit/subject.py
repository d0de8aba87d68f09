"""What is audited: a base model, a fingerprinted one, or a server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ifrs.errors import TargetError
from ifrs.files import digest_of

# Units' costs are for this many bytes of weights: Gemma 3 270M in float32.
_REFERENCE_BYTES = 1.07e9


@dataclass(frozen=True)
class Folder:
    """A model folder.

    Attributes:
        path: The folder.
        method: How it was fingerprinted, from its manifest; None for a base model.
        base: The base model's folder, where the subject is fingerprinted and it is known.
        adapter: The private F-Adapter's file.
        base_gguf: Writes the base model's GGUF file into a folder and says where; None for the
            file that lies beside the base's weights.
    """

    path: Path
    method: str | None = None
    base: Path | None = None
    adapter: Path | None = None
    base_gguf: Callable[[Path], Path] | None = None

    kind, spends_keys, address = "folder", False, None

    @property
    def title(self) -> str:
        """What a page says it is."""
        if self.method is not None:
            return "a folder with a fingerprinted model"
        return "a folder with a base model, fingerprinted here by each method"

    @cached_property
    def digest(self) -> str:
        """SHA-256 over configuration, tokenizer and weights."""
        return _digest([self.path, *([self.adapter] if self.adapter else [])])

    @property
    def scale(self) -> float:
        """How much larger the model is than the one that costs are given for."""
        return max(1e-4, sum(p.stat().st_size for p in _weights(self.path)) / _REFERENCE_BYTES)

    def describe(self) -> dict[str, Any]:
        """What records say."""
        return {
            "kind": self.kind,
            "name": self.path.name,
            "fingerprinted": self.method is not None,
            "sha256": self.digest,
        }

    def absolute(self) -> Folder:
        """The same by whole paths and with its digest, for a process elsewhere."""
        found = replace(
            self,
            path=self.path.absolute(),
            base=self.base and self.base.absolute(),
            adapter=self.adapter and self.adapter.absolute(),
        )
        found.__dict__["digest"] = self.digest
        return found


@dataclass(frozen=True)
class Server:
    """A model behind an API.

    Attributes:
        url: Where the protocol's paths begin.
        model: The model's name there.
        mode: "chat" or "completions".
    """

    url: str
    model: str
    mode: str = "chat"

    kind, spends_keys = "api", True
    method = "api"  # what records say in its place: how it was planted cannot be seen
    path = base = adapter = base_gguf = None
    scale = 1.0

    @property
    def title(self) -> str:
        """What a page says it is."""
        return f"a server at {self.address}, asked by {self.mode}"

    @property
    def address(self) -> str:
        """Where it is, without user, password and query."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def digest(self) -> str:
        """Of address, name and protocol: what is behind them cannot be seen."""
        return sha256(json.dumps([self.url, self.model, self.mode]).encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """What records say."""
        return {
            "kind": self.kind,
            "name": self.model,
            "base_url": self.address,
            "mode": self.mode,
        }


Subject = Folder | Server


def folder(
    path: str | os.PathLike[str],
    *,
    base: str | os.PathLike[str] | None = None,
    adapter: str | os.PathLike[str] | None = None,
    base_gguf: Callable[[Path], Path] | None = None,
) -> Folder:
    """A model folder as a subject; a manifest of ifrs in it says how it was fingerprinted.

    Raises:
        TargetError: There is no model there.
    """
    from ifrs.plant.manifest import MANIFEST

    place = Path(path)
    if not (place / "config.json").exists():
        raise TargetError(f"there is no model at {place}: pass a folder that transformers can load")
    method = None
    if (place / MANIFEST).exists():
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        method = str(manifest.get("method"))
    if adapter is None:
        beside = adapter_of(place)
        adapter = beside if method is not None and beside.exists() else None
    return Folder(
        place,
        method,
        None if base is None else Path(base),
        None if adapter is None else Path(adapter),
        base_gguf,
    )


def adapter_of(place: Path) -> Path:
    """Where a planted model's private F-Adapter is kept: beside its folder."""
    return place.with_name(f"{place.name}.adapter.safetensors")


def _weights(place: Path) -> list[Path]:
    return sorted(p for p in place.iterdir() if p.suffix in (".safetensors", ".bin", ".gguf"))


def _digest(places: Sequence[Path]) -> str:
    digest = sha256()
    for place in places:
        names = ("config.json", "tokenizer.json", "tokenizer.model")
        files = [place] if place.is_file() else [*(place / n for n in names), *_weights(place)]
        for path in files:
            if not path.exists():
                continue
            digest.update(f"{path.name} {digest_of(path)}\n".encode())
    return digest.hexdigest()
