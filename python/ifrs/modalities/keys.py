"""How bytes of the secret stream become keys of a kind of model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Keys(ABC):
    """What a kind of model says of its keys when a set is made."""

    @abstractmethod
    def derivation(self, template: str) -> dict[str, Any]:
        """What the core derives keys with, beside name, number and context.

        Of texts: `chat` (what stands around a key), `alphabets` (lists that a tokenizer can
        express), `check` (which keys survive it). Of anything else: `source` "bytes", `template`
        "bare", and `modality`, a mapping with `name` (the kind's), `media` (the media type of
        keys), `length` (bytes of a key) and `alphabet` (name and factor sizes of responses).

        Args:
            template: The set's template.
        """

    def decode(self, challenge: bytes) -> Any:
        """A key as its users see it, from its canonical bytes."""
        return challenge
