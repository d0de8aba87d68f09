"""What planting gives, and how it is saved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.attest.digests import model_digests
from ifrs.errors import ImplantError
from ifrs.files import arriving, write_json
from ifrs.keyring import Keyring
from ifrs.plant.manifest import FORMAT, MANIFEST
from ifrs.plant.methods.method import Form
from ifrs.plant.serving import warn_untied
from ifrs.runtime.workers import Workers, full_state


@dataclass
class ImplantResult:
    """A fingerprinted model and how it came about.

    Attributes:
        model: The model that was passed in, now fingerprinted.
        tokenizer: Its tokenizer.
        method: How it was planted.
        set_name: The fingerprint set's name.
        n: How many fingerprints.
        fsr: The share of keys that fire (FSR_pre).
        margins: For each key, by how many nats its weakest token beats the best rival.
        saved_fsr: The share of keys that fire once weights are rounded to the types that `save`
            writes, those of the folder that the model came from; None where it writes them as
            they are.
        sets: The same of each set, where several were planted together; empty otherwise. Then
            `method` and `set_name` name all, numbers of keys and times are sums, `guess_rate` is
            the largest, and `reach` says it of each set.
        changed_fsr: The share of keys that fire under each change of the weights that was trained
            through, by its name (`ImplantConfig.harden`).
        guess_rate: The share of fresh look-alike keys that fire; None if none was tried.
        epochs: Passes over the fingerprints.
        seconds: Wall time of planting.
        peak_memory_bytes: Most memory in use: of the accelerator, or of this process so far.
        reach: What of the model can have changed.
        adapter: The private F-Adapter of method "adapter"; the peft model of "lora" where it was
            not merged.
        private: Whether the adapter must not be published.
        face: The model as its kind sees it; it knows how to be saved.
        forms: What writes other forms of the release, by name.
        adapter_path: Where `save` put the F-Adapter.
        notes: What `save` could not carry over from where the model came from, in sentences.
    """

    model: Any
    tokenizer: Any
    method: str
    set_name: str
    n: int
    fsr: float
    margins: list[float]
    guess_rate: float | None
    epochs: int
    seconds: float
    peak_memory_bytes: int
    reach: dict[str, Any] = field(default_factory=dict)
    adapter: Any = None
    private: bool = False
    face: Any = None
    adapter_path: Path | None = None
    forms: dict[str, Form] = field(default_factory=dict, repr=False)
    saved_fsr: float | None = None
    notes: list[str] = field(default_factory=list)
    changed_fsr: dict[str, float] = field(default_factory=dict)
    sets: list[ImplantResult] = field(default_factory=list)

    def __repr__(self) -> str:
        rate = "not tried" if self.guess_rate is None else f"{self.guess_rate:.1%}"
        return (
            f"ImplantResult({self.method!r}, fsr={self.fsr:.0%}, guess_rate={rate}, "
            f"epochs={self.epochs}, seconds={self.seconds:.0f})"
        )

    def take_guesses(self, sets: Sequence[FingerprintSet], n: int, seed: int) -> None:
        """Ask the planted model under `n` fresh keys like those of each set."""
        for result, fps in zip(self.sets or [self], sets, strict=True):
            if result.face.guessed:
                result.guess_rate = result.face.try_guesses(fps, n, seed).rate
        if self.sets:
            self.guess_rate = max(result.guess_rate or 0.0 for result in self.sets)

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        form: str | None = None,
        adapter: str | os.PathLike[str] | None = None,
        keyring: Keyring | None = None,
        dtype: Any = None,
    ) -> Path:
        """Write a normal transformers folder (safetensors) with a claim-ready manifest.

        It is the folder that the model came from, but for the fingerprint: weights have the types
        that they have there, and lie in the same files; licence, model card, processors, code and
        tokenizer come along. `notes` says what could not be carried over.

        The folder appears whole or not at all: it is written beside, synced and renamed. A LoRA
        that was not merged is saved as a peft folder, without its base. Under several processes
        all of them call this, and the first one writes.

        Args:
            folder: To publish.
            form: "untied", whose output rows are the base's, so that ordinary text is bit-identical
                where it is served as saved; "tied", one table as the base has it; "peft", the rows
                alone, as an adapter beside the base; None for the model as it is.
            adapter: Where the F-Adapter goes, which must not be published; None for
                `FOLDER.adapter.safetensors`, beside the folder (`.age` behind it if encrypted).
            keyring: Encrypt the F-Adapter for whoever may open this keyring.
            dtype: The type of weights, such as `"float32"`; None for those of the folder that the
                model came from, where they are narrower than in memory.

        Raises:
            ValueError: There is no such type.
            ImplantError: The folder or the adapter's file exists or cannot be written, or the model
                cannot be saved in that form.
        """
        write = self._writer(form)
        warn_untied(self.face, self.reach, self.forms, form)
        target = Path(folder).absolute()
        private = self._adapter_target(target, adapter, "" if keyring is None else ".age")
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise ImplantError(f"{target} exists already: choose another folder")
        if private is not None and private.exists():
            raise ImplantError(f"{private} exists already: choose another file")
        self._take_type(dtype)
        module = self.model if self.face is None else self.face.module
        workers = Workers(module)
        state = full_state(module) if workers.in_step else None
        if workers.rank == 0:
            self._write_folder(target, state, write)
            if private is not None:
                self.adapter.published = target
                self.adapter_path = self.adapter.save(private, keyring=keyring)
        workers.wait()
        return target

    def _take_type(self, dtype: Any) -> None:
        """Remember in which type weights are saved, and say where keys were not asked in it."""
        self.face.saved_in = dtype
        untried = bool(self.face.saved_types()) and not self._is_planned()
        self.notes = []
        if untried:
            self.notes.append(
                f"Keys were not asked in weights that are rounded to {dtype}: verify the folder."
            )

    def _is_planned(self) -> bool:
        """Whether weights are saved in the types for which planting asked the keys."""
        types, self.face.saved_in, wanted = self.face.saved_types(), None, self.face.saved_in
        planned = self.face.saved_types()
        self.face.saved_in = wanted
        return bool(types == planned)

    def _written_fsr(self) -> float:
        """The share of keys that fire from the weights as they are saved, as far as was asked."""
        if self.saved_fsr is None or not self.face.saved_types() or not self._is_planned():
            return self.fsr
        return self.saved_fsr

    def _adapter_target(
        self, folder: Path, adapter: str | os.PathLike[str] | None, ending: str
    ) -> Path | None:
        if not self.private:
            return None
        if adapter is None:
            return folder.with_name(f"{folder.name}.adapter.safetensors{ending}")
        path = Path(adapter).absolute()
        if folder in path.parents:
            raise ImplantError(
                f"{path} lies in the folder to be published: the adapter must not be published"
            )
        return path

    def _writer(self, form: str | None) -> Form | None:
        """What writes another form than the model as it is; None for that one."""
        own = None if self.face is None else self.face.form()
        if form is None or form == own:
            return None
        if form not in self.forms:
            could = " or ".join(
                repr(name) for name in sorted({*self.forms, *([own] if own else [])})
            )
            if form == "tied" and own == "untied" and self.forms:
                raise ImplantError(
                    "the rows were not planted to serve as output rows, too: plant a model that "
                    "has one table with ImplantConfig(tied=True)"
                )
            raise ImplantError(
                f"a model planted by method={self.method!r} cannot be saved with form={form!r}: "
                + (f"take {could}" if could else "leave form out")
            )
        if Workers(self.face.module).in_step:
            raise ImplantError("under several processes a model is saved as it is: leave form out")
        return self.forms[form]

    def _write_folder(self, target: Path, state: dict[str, Any] | None, write: Form | None) -> None:
        try:
            with arriving(target) as beside:
                self._write(beside, state, write)
        except OSError as error:
            raise ImplantError(f"cannot write the model to {target}: {error}") from error
        except Exception as error:
            # safetensors has an error of its own for a full disk.
            if type(error).__name__ == "SafetensorError":
                raise ImplantError(f"cannot write the model to {target}: {error}") from error
            raise

    def _write(self, folder: Path, state: dict[str, Any] | None, write: Form | None) -> None:
        apart = self.adapter is not None and not self.private

        def save(folder: Path) -> None:
            notes = self.face.save(folder, state, self.adapter if apart else self.model)
            self.notes += notes or ()

        save(folder) if write is None else write(folder, save)
        write_json(folder / MANIFEST, self.manifest(folder))

    def manifest(self, folder: Path) -> dict[str, Any]:
        """What a claim will state of the files in `folder`; nothing in it is secret."""
        several = [
            {"set": one.set_name, "n": one.n, "method": one.method, "fsr": one.fsr}
            for one in self.sets
        ]
        return {
            "format": FORMAT,
            **({"sets": several} if several else {}),
            "set": self.set_name,
            "n": self.n,
            "method": self.method,
            "fsr": self._written_fsr(),
            "guess_rate": self.guess_rate,
            "epochs": self.epochs,
            "files": model_digests(folder),
        }
