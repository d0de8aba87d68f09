"""What units share: the subject, planted models on disk, a stranger's keyring, data."""

from __future__ import annotations

import gc
import inspect
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

import ifrs
from ifrs import LocalModel
from ifrs._core import FingerprintSet
from ifrs.audit.data import Data
from ifrs.audit.measures.reading import Through, margins, read
from ifrs.audit.record import Measure, Skip
from ifrs.audit.settings import Settings
from ifrs.audit.subject import Folder, Server, Subject, folder
from ifrs.files import write_json, write_text
from ifrs.modalities.text.loading import load
from ifrs.runtime.modules import evaluating

_MODELS = "models"


@dataclass
class Suspect:
    """A loaded model, and what it takes to ask it.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        adapter: The F-Adapter's file, for a model that needs one.
        published: The folder of the publisher's transformer.
    """

    model: Any
    tokenizer: Any
    adapter: Path | None = None
    published: Path | None = None

    def target(self, model: Any = None) -> LocalModel:
        """The suspect, or what became of it, as `verify` takes it."""
        options: dict[str, Any] = {}
        if self.adapter is not None:
            options = {"adapter": self.adapter, "transformer": self.published}
            known = inspect.signature(LocalModel.__init__).parameters
            options = {name: value for name, value in options.items() if name in known}
        return LocalModel(model or self.model, self.tokenizer, **options)


class Bench:
    """What an audit works with."""

    def __init__(
        self,
        subject: Subject,
        fps: FingerprintSet,
        out: Path,
        *,
        data: Data | None = None,
        settings: Settings | None = None,
        ring: Any = None,
        tasks: Sequence[str] = (),
        task_files: str | None = None,
        unrelated: Sequence[str | os.PathLike[str]] = (),
        planting: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Take everything that suites look at; nothing is loaded yet."""
        self.subject, self.fps, self.out = subject, fps, out
        self.data, self.settings = data or Data(), settings or Settings()
        self.ring, self.tasks, self.task_files = ring, list(tasks), task_files
        self.unrelated = [Path(place) for place in unrelated]
        self.planting = {name: dict(given) for name, given in (planting or {}).items()}
        self._models = out / _MODELS / self.digest[:12]
        self._server: Any = None
        self._reference: tuple[str, Suspect] | None = None
        self._tokenizer: Any = None

    @property
    def digest(self) -> str:
        """Of subject and set."""
        parts = [self.subject.digest, *self.fps.leaves(), self.fps.template]
        parts.append(json.dumps(self.planting, sort_keys=True))
        return sha256("".join(parts).encode()).hexdigest()

    @property
    def base(self) -> Path:
        """The base model's folder.

        Raises:
            Skip: There is none to compare with.
        """
        if isinstance(self.subject, Folder):
            if self.subject.method is None:
                return self.subject.path
            if self.subject.base is not None:
                return self.subject.base
        raise Skip("needs the base model: pass its folder (--base)")

    @property
    def tokenizer(self) -> Any:
        """The subject's tokenizer.

        Raises:
            Skip: A server shows none.
        """
        if self._tokenizer is None:
            if not isinstance(self.subject, Folder):
                raise Skip("a server shows no tokenizer")
            from transformers import AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(
                self.subject.path, trust_remote_code=False
            )
        return self._tokenizer

    @cached_property
    def _base_digest(self) -> str:
        return self.subject.digest if self.subject.method is None else folder(self.base).digest

    def load_base(self) -> Suspect:
        """The base model, freshly loaded."""
        return Suspect(*load(self.base))

    def suspect(self, name: str) -> Suspect:
        """A planted model, freshly loaded; the subject itself where that is fingerprinted.

        Raises:
            Skip: It was not planted.
        """
        if name == "base":
            return self.load_base()
        if isinstance(self.subject, Folder) and name == self.subject.method:
            place, adapter = self.subject.path, self.subject.adapter
        else:
            place = self.folder(name)
            adapter = place.with_name(f"{place.name}.adapter.safetensors")
        if not (place / "config.json").exists():
            raise Skip(f"{name} was not planted")
        found = adapter if adapter is not None and adapter.exists() else None
        return Suspect(*load(place), adapter=found, published=place)

    def reference(self, name: str) -> Suspect:
        """A planted model to compare with, kept loaded until another one is asked for.

        Nobody may change it.
        """
        if self._reference is None or self._reference[0] != name:
            self._reference = None
            self._reference = (name, self.suspect(name))
        return self._reference[1]

    def release(self) -> None:
        """Let go of the model kept to compare with: training needs the room."""
        self._reference = None
        gc.collect()

    def folder(self, name: str) -> Path:
        """Where a planted or tuned model is kept."""
        return self._models / name.replace(":", "-")

    def forget(self, name: str) -> Path:
        """Take an older model of that name away; returns where a new one goes."""
        place = self.folder(name)
        self._reference = None
        shutil.rmtree(place, ignore_errors=True)
        place.with_name(f"{place.name}.adapter.safetensors").unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def keep(self, name: str, model: Any, tokenizer: Any) -> None:
        """Save a model that is no result of planting: beside, then renamed."""
        place = self.forget(name)
        beside = place.with_name(f".{place.name}")
        shutil.rmtree(beside, ignore_errors=True)
        model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        beside.rename(place)

    def has(self, name: str) -> bool:
        """Whether a model of that name is at hand."""
        own = isinstance(self.subject, Folder) and name == self.subject.method
        return own or (self.folder(name) / "config.json").exists()

    def target(self, name: str) -> Any:
        """The subject as `verify` takes it: a server, or a planted model."""
        return self.server() if isinstance(self.subject, Server) else self.suspect(name).target()

    def server(self) -> Any:
        """The server as a target, whose keys are recorded as spent before they are sent.

        Raises:
            Skip: This version asks no servers.
        """
        if self._server is None:
            api = getattr(ifrs, "ApiModel", None)
            if api is None:
                raise Skip("this version of ifrs asks no servers")
            assert isinstance(self.subject, Server)
            asked = api(self.subject.url, self.subject.model, mode=self.subject.mode)
            # Seen as text alone: `verify` would skip keys that are spent, and here all of them are.
            chat = self.subject.mode == "chat" and self.fps.template == "chat"
            self._server = Through(asked, wording=self._bare if chat else None)
            if self.ring is not None:
                address = self.subject.describe().get("base_url", "")
                self.ring.spend(self.fps.name, range(len(self.fps)), str(address))
        return self._server

    def _bare(self, prompt: str) -> str:
        """A prompt without the chat template around it, which a chat server adds itself."""
        before, after = self.fps.around
        return prompt.removeprefix(before).removesuffix(after)

    def read(
        self, suspect: Suspect, model: Any = None, *, step: int | None = None, deep: bool = True
    ) -> list[Measure]:
        """FSR, p-values and, with `deep`, margins of a suspect or of what became of it."""
        model = model or suspect.model
        with evaluating(model):
            target = suspect.target(model)
            found = read(target, self.fps, decoys=self.settings.decoys, step=step)
            return found + margins(target, self.fps, step=step) if deep else found

    def stranger(self, name: str, n: int, **options: Any) -> FingerprintSet:
        """A set of somebody else: an attacker's, another publisher's. Kept from start to start."""
        label = f"stranger-{self.subject.digest[:12]}"  # its keys are the tokenizer's
        path, secret = self.out / f"{label}.ifrs", self.out / f"{label}-passphrase.txt"
        if not path.exists():
            self.out.mkdir(parents=True, exist_ok=True)
            passphrase = secrets.token_urlsafe(24)
            write_text(secret, passphrase + "\n")
            ring = ifrs.Keyring.create(path, passphrase=passphrase)
        else:
            ring = ifrs.Keyring.open(path, passphrase=secret.read_text().strip(), accept_older=True)
        with ring:
            if name not in ring:
                ring.generate(name, n, tokenizer=self.tokenizer, **options)
            return ring[name]

    def facts(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Plain data that several units need, computed once."""
        path = self.out / "shared" / f"{name}-{self._base_digest[:12]}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, make())
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


@contextmanager
def freed() -> Iterator[None]:
    """Free what a unit held, whether it succeeds or not."""
    try:
        yield
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
