"""What suspects say of themselves that are models at hand, or somebody's functions."""

from __future__ import annotations

from typing import Any


class Named:
    """A model at hand, or a function, by name.

    Attributes:
        spends_keys: Whether a key that it gets counts as seen by others.
        address: Whom keys are sent to, as the journal has it; None where they stay here.
    """

    spends_keys: bool
    address: str | None

    def _call(self, name: str, at_hand: bool, address: str | None, spends: bool | None) -> None:
        """Say who it is, and who sees its keys.

        Args:
            name: What reports call it.
            at_hand: Whether it is a model, and no function.
            address: Where it sends keys; None for its name, or for nowhere where it is at hand.
            spends: Whether others see them, if its user says so.
        """
        self._name = name
        self.spends_keys = not (at_hand and address is None) if spends is None else spends
        self.address = (address or name) if self.spends_keys else None

    def describe(self) -> dict[str, Any]:
        """What it is."""
        if self.address is None:
            return {"kind": "local", "name": self._name}
        return {"kind": "callable", "name": self._name, "address": self.address}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"
