"""What units share: the subject, planted models on disk, a stranger's keyring, data."""

from __future__ import annotations

import gc
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import ifrs
from ifrs import LocalModel
from ifrs._core import FingerprintSet
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.measures.divergence import drift, token_texts
from ifrs.audit.measures.fingerprints import margins, verified
from ifrs.audit.record import Measure, Skip
from ifrs.audit.settings import Given
from ifrs.audit.subject import Server, Subject, adapter_of, folder
from ifrs.errors import KeyringError
from ifrs.files import arriving, write_json
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.loading import load
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens, encode_prompts
from ifrs.runtime.modules import evaluating

_MODELS = "models"
# Another fine-tune of the base, kept among them: it never saw the fingerprint.
SIBLING = "sibling"


@dataclass
class Suspect:
    """A loaded model, and what it takes to ask it.

    Attributes:
        model: The model with its tokenizer.
        adapter: The F-Adapter's file, for a model that needs one.
        published: The folder of the publisher's transformer.
    """

    model: Model
    adapter: Path | None = None
    published: Path | None = None

    @classmethod
    def load(cls, place: Path, adapter: Path | None = None) -> Suspect:
        """A folder's model, freshly loaded."""
        return cls(Model(*load(place)), adapter, place)

    def target(self) -> LocalModel:
        """The suspect as `verify` takes it."""
        return LocalModel(
            self.model.module,
            self.model.tokenizer,
            adapter=self.adapter,
            transformer=self.published,
        )

    def turned(self, module: Any) -> Suspect:
        """What became of it."""
        return replace(self, model=Model(module, self.model.tokenizer))


class Bench:
    """What an audit works with."""

    def __init__(
        self, subject: Subject, fps: FingerprintSet, out: Path, given: Given | None = None
    ) -> None:
        """Take everything that suites look at; nothing is loaded yet."""
        self.subject, self.fps, self.out, self.given = subject, fps, out, given or Given()
        self.data, self.settings = self.given.data, self.given.settings
        self._models = out / _MODELS / self.digest[:12]
        self._reference: tuple[str, Suspect] | None = None
        self._likelihoods: dict[str, list[Measure]] = {}

    @cached_property
    def digest(self) -> str:
        """Of subject and set."""
        parts = [self.subject.digest, *self.fps.leaves(), self.fps.template]
        parts.append(json.dumps(self.given.planting, sort_keys=True))
        return sha256("".join(parts).encode()).hexdigest()

    @property
    def base(self) -> Path:
        """The base model's folder.

        Raises:
            Skip: There is none to compare with.
        """
        found = self.subject.path if self.subject.method is None else self.subject.base
        if found is None:
            raise Skip("needs the base model: pass its folder (--base)")
        return found

    @cached_property
    def tokenizer(self) -> Any:
        """The subject's tokenizer; None where a server shows none."""
        if self.subject.path is None:
            return None
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.subject.path, trust_remote_code=False)

    @cached_property
    def _base_digest(self) -> str:
        return self.subject.digest if self.subject.method is None else folder(self.base).digest

    def load_base(self) -> Suspect:
        """The base model, freshly loaded."""
        return Suspect.load(self.base)

    def suspect(self, name: str) -> Suspect:
        """A planted model, freshly loaded; the subject itself where that is fingerprinted.

        Raises:
            Skip: It was not planted.
        """
        if name == "base":
            return self.load_base()
        if name == self.subject.method and self.subject.path is not None:
            place, adapter = self.subject.path, self.subject.adapter
        else:
            place = self.folder(name)
            adapter = adapter_of(place)
        if not (place / "config.json").exists():
            raise Skip(f"{name} was not planted")
        return Suspect.load(place, adapter if adapter is not None and adapter.exists() else None)

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
        self._likelihoods.pop(name, None)
        shutil.rmtree(place, ignore_errors=True)
        adapter_of(place).unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def keep(self, name: str, model: Model) -> None:
        """Save a model that is no result of planting: beside, then renamed."""
        place = self.forget(name)
        with arriving(place) as beside:
            model.save(beside, None, model.module)

    def has(self, name: str) -> bool:
        """Whether a model of that name is at hand."""
        return name == self.subject.method or (self.folder(name) / "config.json").exists()

    def target(self, name: str) -> Any:
        """The subject as `verify` takes it: a server, or a planted model."""
        return self._server if self.subject.spends_keys else self.suspect(name).target()

    @cached_property
    def _server(self) -> Hosted:
        """The server as a target, whose keys are recorded as spent before they are sent.

        As text alone: `verify` would skip keys that are spent, and here all of them are.
        """
        assert isinstance(self.subject, Server)
        mode: Any = self.subject.mode
        asked = ifrs.ApiModel(self.subject.url, self.subject.model, mode=mode)
        if self.given.ring is not None:
            self.given.ring.spend(self.fps.name, range(len(self.fps)), self.subject.address)
        chat = mode == "chat" and self.fps.template == "chat"
        wording = self._without_template if chat else None
        return Hosted(asked, wording=wording)

    def _without_template(self, prompt: str) -> str:
        """A prompt without the chat template around it, which a chat server adds itself."""
        before, after = self.fps.around
        return prompt.removeprefix(before).removesuffix(after)

    def measure(
        self, suspect: Suspect, fps: FingerprintSet | None = None, *, step: int | None = None
    ) -> list[Measure]:
        """FSR, p-values and margins of a suspect, under the audit's set or another one."""
        fps = fps or self.fps
        with evaluating(suspect.model.module):
            target = suspect.target()
            found = verified(target, fps, decoys=self.settings.decoys, step=step)
            return found + margins(Model(target.model, target.tokenizer), fps, step=step)

    def verify(self, suspect: Suspect) -> list[Measure]:
        """FSR and p-values alone."""
        with evaluating(suspect.model.module):
            return verified(suspect.target(), self.fps, decoys=self.settings.decoys)

    def likelihood(self, name: str, suspect: Suspect | None = None) -> list[Measure]:
        """The evidence from a planted model's weights, where its host changes none.

        Asked once; `suspect` is the planted model, where it is loaded already.
        """
        if name not in self._likelihoods:
            found = self.verify(suspect or self.suspect(name))
            self._likelihoods[name] = [m for m in found if m.metric == "log10_p_likelihood"]
        return self._likelihoods[name]

    def cost(self, name: str, model: Model, texts: int = 8) -> list[Measure]:
        """What a changed model is on a few ordinary texts, beside the planted one as it was."""
        before = self.reference(name).model
        return drift(before, model, self.ordinary(before, texts)).measures()

    def corpus(self) -> list[Tokens]:
        """The attacker's ordinary text: all tuning data, or the bundled instructions."""
        texts = [f"{q}\n{a}" for source in self.data.tuning for q, a in source.rows]
        return encode_prompts(self.tokenizer, texts or bundled_instructions())

    def ordinary(self, model: Model, texts: int = 8) -> list[Tokens]:
        """A few ordinary texts as token ids."""
        few = self.data.texts(min(texts, self.settings.texts), self.settings.seed)
        return token_texts(model, few, min(96, self.settings.tokens))

    def stranger(self, name: str, n: int, **options: Any) -> FingerprintSet:
        """A set of somebody else: an attacker's, another publisher's. Kept from start to start.

        Several processes may ask at the same time, and get the same set.
        """
        label = f"stranger-{self.subject.digest[:12]}"  # its keys are the tokenizer's
        with _strangers(self.out / f"{label}.ifrs", self.out / f"{label}-passphrase.txt") as ring:
            if name not in ring:
                try:
                    ring.generate(name, n, tokenizer=self.tokenizer, **options)
                except KeyringError:
                    if name not in ring:  # another process made it since
                        raise
            return ring[name]

    def facts(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Plain data of the base model that several units need, computed once."""
        path = self.out / "shared" / f"{name}-{self._base_digest[:12]}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, make())
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def _strangers(path: Path, secret: Path) -> ifrs.Keyring:
    """The keyring of strangers' sets, made by whichever process comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write_first(secret, secrets.token_urlsafe(24) + "\n")
        try:
            ifrs.Keyring.create(path, passphrase=secret.read_text().strip()).close()
        except KeyringError:
            if not path.exists():  # another process made it since
                raise
    return ifrs.Keyring.open(path, passphrase=secret.read_text().strip(), accept_older=True)


def _write_first(path: Path, text: str) -> None:
    """Write a private file, unless there is one already: nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        beside.touch(mode=0o600, exist_ok=False)
        beside.write_text(text, encoding="utf-8")
        os.link(beside, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
