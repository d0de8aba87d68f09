"""Signed statements: a file of one Ed25519 signature, and perhaps a time stamp over it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ifrs import _core
from ifrs.errors import EvidenceError
from ifrs.files import write_text

PathLike = str | os.PathLike[str]

MAX_BYTES = 16 << 20
_Own = TypeVar("_Own", bound="Signed")


class Signed:
    """A DSSE envelope with one Ed25519 signature, and perhaps an RFC 3161 time stamp over it."""

    called: ClassVar[str]
    core: ClassVar[type[_core.Claim] | type[_core.Roll]]

    def __init__(self, core: Any) -> None:
        """Use `load`, or what makes one."""
        self._core = core
        self._statement: dict[str, Any] = json.loads(core.statement())
        self._predicate: dict[str, Any] = self._statement["predicate"]

    @classmethod
    def load(cls: type[_Own], path: PathLike) -> _Own:
        """Read a file. Its signature is verified by `verify` and by `ifrs.check`.

        Raises:
            EvidenceError: It is malformed, or of another version.
            OSError: It cannot be read.
        """
        with Path(path).open("rb") as file:
            return cls(cls.core.parse(file.read(MAX_BYTES + 1)))

    def save(self, path: PathLike) -> None:
        """Write it as JSON. The same one is replaced, as once it has a time stamp.

        Raises:
            FileExistsError: There is another file: what was published must not be lost.
            OSError: The file cannot be written.
        """
        if Path(path).exists() and not self._is_at(path):
            raise FileExistsError(
                f"{path} exists already: a {self.called} is not replaced, choose another file"
            )
        write_text(path, json.dumps(json.loads(self._core.to_json()), indent=2) + "\n")

    def _is_at(self, path: PathLike) -> bool:
        try:
            return type(self).load(path).digest == self.digest
        except (EvidenceError, OSError):
            return False

    def verify(self, publisher_key: PathLike | bytes | None = None) -> None:
        """Verify the signature with a public key, or with the one that the statement names.

        Raises:
            EvidenceError: The signature does not fit.
            ValueError: This is no public key.
        """
        self._core.verify(read_public_key(publisher_key))

    def stamp(self: _Own, url: str, *, timeout: float = 30.0) -> _Own:
        """The same with a time stamp of the RFC 3161 authority at `url`.

        Only a digest is sent.

        Raises:
            EvidenceError: The authority gave no stamp that fits, or clocks are so far apart that
                `check` would not accept it.
            ImportError: rfc3161-client is missing.
        """
        from ifrs.attest.stamps import request_stamp

        return self.with_stamp(request_stamp(url, self.envelope, timeout=timeout))

    def with_stamp(self: _Own, response: bytes) -> _Own:
        """The same with a time stamp at hand: an RFC 3161 response over `envelope`, in DER.

        Raises:
            EvidenceError: The response is no stamp over this, or older than it.
            ImportError: rfc3161-client is missing.
        """
        from ifrs.attest.stamps import require_fitting

        require_fitting(response, self.envelope, self.created)
        return type(self)(self._core.with_stamp(response))

    def stamped(self, tsa_roots: Sequence[PathLike] = ()) -> dict[str, Any] | None:
        """When an authority saw it: `time`, `accuracy` and `verified`; None without a stamp.

        Args:
            tsa_roots: PEM files of authorities to trust; without one nothing is verified.

        Raises:
            EvidenceError: The stamp does not fit this or those authorities.
            ImportError: rfc3161-client is missing.
        """
        if self._core.stamp is None:
            return None
        from ifrs.attest.stamps import stamp_facts

        return stamp_facts(self._core.stamp, self.envelope, tsa_roots)

    @property
    def digest(self) -> str:
        """SHA-256 of the envelope, in hexadecimal: what names it, and seeds a claim's decoys."""
        return str(self._core.digest)

    @property
    def envelope(self) -> bytes:
        """The bytes that the digest and a time stamp cover."""
        return bytes(self._core.envelope)

    @property
    def created(self) -> str:
        """When the publisher says that it was made (RFC 3339, UTC)."""
        return str(self._predicate["created"])

    @property
    def publisher_key(self) -> str:
        """The Ed25519 public key that signs, in hexadecimal."""
        return str(self._predicate["publisher"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._core.to_json() == other._core.to_json()

    def __hash__(self) -> int:
        return hash(self._core.to_json())


def read_public_key(given: PathLike | bytes | None) -> bytes | None:
    """32 bytes from a file or a text in hexadecimal, base64 or PEM.

    Raises:
        OSError: The file cannot be read.
        ValueError: This is no Ed25519 public key.
    """
    if given is None:
        return None
    if isinstance(given, bytes):
        return _core.parse_public_key(given.hex())
    text = os.fspath(given)
    # A key as text is no path: no file has such a name by accident.
    if isinstance(given, os.PathLike) or (len(text) < 1024 and os.path.isfile(text)):
        with open(text, encoding="utf-8", errors="replace") as file:
            text = file.read(1 << 16)
    return _core.parse_public_key(text)
