"""What a suspect must be able to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ifrs._core import FingerprintSet

# What is kept of an answer, in characters. Answers to a few dozen tokens are a hundredth of it.
LONGEST_ANSWER = 16_384
_LONGEST_RAW = 1 << 20  # characters


@runtime_checkable
class Target(Protocol):
    """A suspect: anything that answers prompts."""

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """One answer for each prompt.

        Raises:
            TargetError: The suspect does not answer.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What the suspect is: at least kind and name."""
        ...


@dataclass
class Answer:
    """What came back for one prompt.

    Attributes:
        text: What the suspect wrote; empty where nothing usable came.
        asked: `time` (RFC 3339, UTC), `endpoint`, `request` as sent, `raw`, the answer as it came.
        error: Why there is no text, if there is none. It proves nothing either way.
    """

    text: str
    asked: dict[str, Any]
    error: str | None = None

    def __repr__(self) -> str:
        return f"Answer(characters={len(self.text)}, error={self.error is not None})"


def keep_raw(asked: dict[str, Any], text: str) -> None:
    """Write down an answer as it came; of one that is too long, its beginning and its digest.

    Such a key proves nothing in a bundle: what was left out cannot be compared.
    """
    if len(text) > _LONGEST_RAW:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        asked["raw_cut"] = {"characters": len(text), "sha256": digest}
    asked["raw"] = text[:_LONGEST_RAW]


# Called with the place of a prompt as soon as its answer is there.
OnAnswer = Callable[[int, Answer], None]


@runtime_checkable
class ForeignTarget(Target, Protocol):
    """A suspect on somebody else's machine: every key sent to it is spent."""

    def wording(self, fps: FingerprintSet, index: int) -> str:
        """What is sent to ask under one key."""
        ...

    def affordable(self, prompts: Sequence[str], *, max_new_tokens: int) -> int:
        """How many of these prompts, from the first on, the spending limit pays for."""
        ...

    def ask(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer | None]:
        """One answer for each prompt, failures included; None where none was sent.

        Raises:
            TargetError: Asking on is pointless: no such server, no access, or a limit reached
                that will not go away.
        """
        ...

    def reach(self) -> None:
        """Find out, without sending a key, whether there is a server.

        Raises:
            TargetError: There is none, or it refuses access.
        """
        ...


@dataclass
class Likelihoods:
    """What one teacher-forced pass says of some keys.

    Attributes:
        scores: Log-probabilities in nats of the first token of every word of the response
            alphabet, where each word of the true response begins; float32 (keys, 2, words).
        exact: Whether greedy decoding writes the response, bool (keys,).
    """

    scores: NDArray[np.float32]
    exact: NDArray[np.bool_]


@runtime_checkable
class LikelihoodTarget(Target, Protocol):
    """A suspect whose probabilities can be seen."""

    def likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """Log-probabilities of the response alphabet under the keys at `indices`."""
        ...
