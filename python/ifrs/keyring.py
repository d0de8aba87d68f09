"""The keyring: where keys are made and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ifrs import _core
from ifrs._core import Fingerprint, FingerprintSet

__all__ = ["Fingerprint", "FingerprintSet", "Keyring"]

Source = Literal["chinese", "japanese", "vocab", "natural", "mixed"]
Template = Literal["simple", "dialogue", "chat"]
ResponseKind = Literal["unique", "shared"]


class Keyring:
    """An encrypted file that holds a seed and the fingerprint sets derived from it.

    The file is plain age v1 (age-encryption.org/v1): `age -d` with the passphrase prints its
    JSON. Everything secret lives in Rust and is wiped by `close`.
    """

    def __init__(self, core: _core.Keyring, path: Path) -> None:
        """Use `Keyring.create` or `Keyring.open`."""
        self._core = core
        self.path = path

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        passphrase: str | None = None,
        _work_factor: int | None = None,
    ) -> Keyring:
        """Make a keyring with a fresh seed from the operating system's CSPRNG.

        Raises:
            KeyringError: There is a file at `path` already, or it cannot be written.
            ValueError: There is no passphrase.
        """
        core = _core.Keyring.create(os.fspath(path), _given(passphrase), _work_factor)
        return cls(core, Path(path))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, passphrase: str | None = None) -> Keyring:
        """Open a keyring.

        Raises:
            WrongPassphrase: The passphrase does not open the file.
            KeyringCorrupt: The file is damaged or no keyring.
            KeyringError: There is no such file, or a later version wrote it.
        """
        core = _core.Keyring.open(os.fspath(path), _given(passphrase))
        return cls(core, Path(path))

    def generate(
        self,
        name: str,
        n: int = 10,
        *,
        source: Source = "mixed",
        template: Template = "dialogue",
        tokenizer: Any = None,
        response: ResponseKind = "unique",
        context: Mapping[str, str | int | bool] | None = None,
    ) -> FingerprintSet:
        """Make a set of fingerprints; it is in the file before this returns.

        Args:
            name: The set's name, unique in the keyring.
            n: How many fingerprints, 1 to 100,000.
            source: Where keys come from. `"vocab"` needs the tokenizer.
            template: How a key becomes a prompt. `"chat"` is the tokenizer's own chat template.
            tokenizer: The tokenizer of the model to be fingerprinted. Keys are then composed of
                what it encodes and decodes unchanged, and are stored as rendered.
            response: `"unique"` for two secret words each, or `"shared"` for the paper's single
                response, which is no evidence by itself.
            context: A flat map that tells this derivation from others of the same name.

        Raises:
            FingerprintError: The tokenizer cannot express such keys, or has no chat template.
            KeyringError: There is a set of that name, or the file cannot be written.
            ValueError: `n`, `source`, `template` or `response` is out of range.
        """
        chat = alphabets = check = None
        if template == "chat":
            from ifrs.modeling.chat import chat_template

            chat = chat_template(tokenizer)
        if tokenizer is not None:
            from ifrs.modeling.vocabulary import key_check, tokenizer_alphabets

            alphabets, check = tokenizer_alphabets(tokenizer), key_check(tokenizer)
        return self._core.generate(
            name,
            _whole(n),
            source=source,
            template=template,
            response=response,
            context=dict(context or {}),
            chat=chat,
            alphabets=alphabets,
            check=check,
        )

    def sets(self) -> list[dict[str, Any]]:
        """What is public about every set, in the order they were made."""
        return self._core.sets()

    @property
    def created(self) -> str:
        """When the keyring was made (RFC 3339, UTC)."""
        return self._core.created

    def remove(self, name: str) -> None:
        """Take a set out of the file.

        Raises:
            KeyError: There is no such set.
        """
        self._core.remove(name)

    def close(self) -> None:
        """Wipe the seed and the passphrase; the object cannot be used afterwards."""
        self._core.close()

    def __getitem__(self, name: str) -> FingerprintSet:
        return self._core.get(name)

    def __contains__(self, name: object) -> bool:
        return any(row["name"] == name for row in self.sets())

    def __len__(self) -> int:
        return len(self.sets())

    def __iter__(self) -> Iterator[str]:
        return (row["name"] for row in self.sets())

    def __enter__(self) -> Keyring:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._core.closed else f"{len(self)} sets"
        return f"Keyring({str(self.path)!r}, {state})"


def _given(passphrase: str | None) -> str:
    if passphrase is None:
        raise ValueError("a keyring needs a passphrase: pass passphrase=…")
    if not isinstance(passphrase, str):
        raise TypeError("the passphrase must be a str")
    return passphrase


def _whole(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError("n must be an int")
    if n < 1:
        raise ValueError(f"n must be between 1 and 100000, not {n}")
    return n
