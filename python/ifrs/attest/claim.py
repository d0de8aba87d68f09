"""Claims: what a publisher signs before a model is released."""

from __future__ import annotations

import os

from ifrs import _core
from ifrs.attest.signed import PathLike, Signed
from ifrs.errors import EvidenceError


class Claim(Signed):
    """A signed in-toto statement about a released model; it reveals no key and no response.

    A DSSE envelope with one Ed25519 signature, and perhaps an RFC 3161 time stamp over it.
    `Keyring.claim` makes one.
    """

    called = "claim"
    core = _core.Claim

    @property
    def subject(self) -> dict[str, str]:
        """SHA-256 of each of the released model's weight files, by name."""
        held = self._statement["subject"]
        return {item["name"]: item["digest"]["sha256"] for item in held}

    @property
    def model(self) -> str:
        """The released model's name."""
        return str(self._predicate["model"]["name"])

    @property
    def n(self) -> int:
        """How many fingerprints are claimed."""
        return int(self._predicate["n"])

    def __repr__(self) -> str:
        return f"Claim({self.model!r}, n={self.n}, created={self.created!r})"


def of_path(claim: Claim | PathLike) -> Claim:
    """A claim, or the claim in a file."""
    if isinstance(claim, Claim):
        return claim
    if isinstance(claim, (str, os.PathLike)):
        return Claim.load(claim)
    raise EvidenceError("this is no claim: pass what Keyring.claim returned, or its file")
