"""Rolls: what a publisher signs about the copies of all licensees."""

from __future__ import annotations

from ifrs import _core
from ifrs.attest.signed import Signed


class Roll(Signed):
    """A signed in-toto statement about all copies that left, in a DSSE envelope.

    It shows no key, no response, no licensee and no codeword. `Keyring.roll` makes one.
    """

    called = "roll"
    core = _core.Roll

    @property
    def model(self) -> str:
        """What the copies are called."""
        return str(self._statement["subject"][0]["name"])

    @property
    def licensees(self) -> int:
        """How many licensees have copies."""
        return int(self._predicate["licensees"]["n"])

    @property
    def copies(self) -> int:
        """How many copies left."""
        return int(self._predicate["copies"])

    @property
    def positions(self) -> int:
        """How many positions the set has."""
        return int(self._predicate["positions"]["n"])

    @property
    def coalition(self) -> int:
        """For how many licensees who work together the code is made."""
        return int(self._predicate["coalition"])

    def __repr__(self) -> str:
        return f"Roll({self.model!r}, licensees={self.licensees}, created={self.created!r})"
