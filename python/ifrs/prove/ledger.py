"""Which keys are spent, and the journal that knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ifrs._core import FingerprintSet
from ifrs.errors import KeyringError
from ifrs.keyring import Keyring, keyring_of

NONE_LEFT = (
    "all keys of the set that were left were spent elsewhere meanwhile: verify with another set"
)
# The keyring a set came from (None), another one, or no journal at all (False).
Ring = Keyring | Literal[False] | None


class Ledger:
    """Reads which keys are spent, and records those about to be."""

    def __init__(self, fps: FingerprintSet, ring: Ring, *, address: str | None) -> None:
        """Find the journal.

        Raises:
            KeyringError: Keys are to be sent away, and there is no open keyring to record it in.
            TypeError: `ring` is no keyring.
        """
        if ring is not None and ring is not False and not isinstance(ring, Keyring):
            raise TypeError("ring must be a Keyring, or False for no journal")
        self._fps, self._address = fps, address
        self._taken = 0  # by others, after it was planned here
        found = keyring_of(fps) if ring is None else ring
        self._ring: Keyring | None = None
        if isinstance(found, Keyring) and not found.closed and fps.name in found:
            self._ring = found
        if self._ring is None and ring is not False and address is not None:
            raise KeyringError(
                "keys sent to a server are spent, and no open keyring is at hand to record it: "
                "verify while the keyring is open, or pass ring=False to send them unrecorded"
            )

    def spent(self) -> set[int]:
        """The keys that somebody else has seen."""
        return set() if self._ring is None else set(self._ring.spent(self._fps.name))

    def spend(self, indices: Sequence[int]) -> list[int]:
        """Record keys as spent; on the disk before this returns.

        Returns:
            Those that may be sent: no other process spent them meanwhile.

        Raises:
            KeyringError: The keyring's set of that name has other keys, or cannot be written.
        """
        if self._ring is None or self._address is None:
            return list(indices)
        free = self._ring.spend_of(self._fps, indices, self._address, "queried")
        self._taken += len(set(indices).difference(free))
        return free

    def notes(self) -> list[str]:
        """What a report should say of keys that others spent meanwhile."""
        keys = "1 key was" if self._taken == 1 else f"{self._taken} keys were"
        return [f"{keys} spent elsewhere meanwhile and not queried."] if self._taken else []
