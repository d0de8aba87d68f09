"""Claims: what a publisher signs before a model is released."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ifrs import _core
from ifrs.errors import EvidenceError
from ifrs.files import write_text

PathLike = str | os.PathLike[str]

MAX_BYTES = 16 << 20


class Claim:
    """A signed in-toto statement about a released model; it reveals no key and no response.

    A DSSE envelope with one Ed25519 signature, and perhaps an RFC 3161 time stamp over it.
    `Keyring.claim` makes one.
    """

    def __init__(self, core: _core.Claim) -> None:
        """Use `Keyring.claim` or `Claim.load`."""
        self._core = core
        statement = json.loads(core.statement())
        self._predicate: dict[str, Any] = statement["predicate"]
        self._subject = {item["name"]: item["digest"]["sha256"] for item in statement["subject"]}

    @classmethod
    def load(cls, path: PathLike) -> Claim:
        """Read a claim. Its signature is verified by `verify` and by `ifrs.check`.

        Raises:
            EvidenceError: It is malformed, or of another version.
            OSError: It cannot be read.
        """
        with Path(path).open("rb") as file:
            return cls(_core.Claim.parse(file.read(MAX_BYTES + 1)))

    def save(self, path: PathLike) -> None:
        """Write the claim as JSON. The same claim is replaced, as once it has a time stamp.

        Raises:
            FileExistsError: There is another file: a claim that was published must not be lost.
            OSError: The file cannot be written.
        """
        if Path(path).exists() and not self._is_at(path):
            raise FileExistsError(
                f"{path} exists already: a claim is not replaced, choose another file"
            )
        write_text(path, json.dumps(json.loads(self._core.to_json()), indent=2) + "\n")

    def _is_at(self, path: PathLike) -> bool:
        try:
            return Claim.load(path).digest == self.digest
        except (EvidenceError, OSError):
            return False

    def verify(self, publisher_key: PathLike | bytes | None = None) -> None:
        """Verify the signature with a public key, or with the one that the claim names.

        Raises:
            EvidenceError: The signature does not fit.
            ValueError: This is no public key.
        """
        self._core.verify(read_public_key(publisher_key))

    def stamp(self, url: str, *, timeout: float = 30.0) -> Claim:
        """The same claim with a time stamp of the RFC 3161 authority at `url`.

        Only a digest of the claim is sent.

        Raises:
            EvidenceError: The authority gave no stamp that fits, or clocks are so far apart that
                `check` would not accept it.
            ImportError: rfc3161-client is missing.
        """
        from ifrs.attest.stamps import request_stamp

        return self.with_stamp(request_stamp(url, self.envelope, timeout=timeout))

    def with_stamp(self, response: bytes) -> Claim:
        """The same claim with a time stamp at hand: an RFC 3161 response over `envelope`, in DER.

        Raises:
            EvidenceError: The response is no stamp over this claim, or older than it.
            ImportError: rfc3161-client is missing.
        """
        from ifrs.attest.stamps import require_fitting

        require_fitting(response, self.envelope, self.created)
        return Claim(self._core.with_stamp(response))

    def stamped(self, tsa_roots: Sequence[PathLike] = ()) -> dict[str, Any] | None:
        """When an authority saw it: `time`, `accuracy` and `verified`; None without a stamp.

        Args:
            tsa_roots: PEM files of authorities to trust; without one nothing is verified.

        Raises:
            EvidenceError: The stamp does not fit the claim or those authorities.
            ImportError: rfc3161-client is missing.
        """
        if self._core.stamp is None:
            return None
        from ifrs.attest.stamps import stamp_facts

        return stamp_facts(self._core.stamp, self.envelope, tsa_roots)

    @property
    def digest(self) -> str:
        """SHA-256 of the envelope, in hexadecimal: what names the claim, and seeds its decoys."""
        return self._core.digest

    @property
    def envelope(self) -> bytes:
        """The bytes that the digest and a time stamp cover."""
        return self._core.envelope

    @property
    def subject(self) -> dict[str, str]:
        """SHA-256 of each of the released model's weight files, by name."""
        return dict(self._subject)

    @property
    def model(self) -> str:
        """The released model's name."""
        return str(self._predicate["model"]["name"])

    @property
    def n(self) -> int:
        """How many fingerprints are claimed."""
        return int(self._predicate["n"])

    @property
    def created(self) -> str:
        """When the publisher says that it was made (RFC 3339, UTC)."""
        return str(self._predicate["created"])

    @property
    def publisher_key(self) -> str:
        """The Ed25519 public key that signs, in hexadecimal."""
        return str(self._predicate["publisher"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Claim) and self._core.to_json() == other._core.to_json()

    def __hash__(self) -> int:
        return hash(self._core.to_json())

    def __repr__(self) -> str:
        return f"Claim({self.model!r}, n={self.n}, created={self.created!r})"


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


def of_path(claim: Claim | PathLike) -> Claim:
    """A claim, or the claim in a file."""
    if isinstance(claim, Claim):
        return claim
    if isinstance(claim, (str, os.PathLike)):
        return Claim.load(claim)
    raise EvidenceError("this is no claim: pass what Keyring.claim returned, or its file")
