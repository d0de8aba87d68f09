"""What suspects have alike that answer in two words to keys that are no texts.

They are models at hand, read by a reader of their kind, or somebody's functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ifrs._core import FingerprintSet
from ifrs.errors import TargetError
from ifrs.modalities.named import Named
from ifrs.modalities.suspect import Likelihoods
from ifrs.modalities.suspicious import suspicious

# Below this share of words with a first token of their own, ties take most of the evidence.
_DISTINCT = 0.5


class Writing(Named, ABC):
    """A model at hand, or a function, that writes on being given a key."""

    modality: ClassVar[str]
    answer_tokens = 16
    likelihoods: Callable[[FingerprintSet, Sequence[int]], Likelihoods] | None

    def _set_up(
        self,
        model: Any,
        reader: Any,
        address: str | None,
        spends_keys: bool | None,
        name: str | None,
    ) -> None:
        """Take a model and what reads it; None where it is a function."""
        self._model = model
        self._call(name or name_of(model), reader is not None, address, spends_keys)
        # `verify` looks for what there is.
        self.likelihoods = None if reader is None else self._likelihoods

    @abstractmethod
    def _likelihoods(self, fps: FingerprintSet, indices: Sequence[int]) -> Likelihoods:
        """One teacher-forced pass over the keys at `indices`."""

    @abstractmethod
    def _first_tokens(self, fps: FingerprintSet) -> list[int]:
        """The first token of every word of the alphabet, as an answer begins."""

    def why_text_only(self, fps: FingerprintSet) -> str | None:
        """Why probabilities are no evidence; None where they are."""
        first = self._first_tokens(fps)
        if len(set(first)) >= _DISTINCT * len(first):
            return None
        return (
            "The suspect's tokenizer does not tell response words apart, so only what it wrote was "
            "weighed, not its probabilities."
        )


def numbers(scores: NDArray[np.float32], exact: NDArray[np.bool_]) -> Likelihoods:
    """What a pass found, if it is numbers.

    Raises:
        TargetError: Some score is none.
    """
    if np.isnan(scores).any():
        raise TargetError(
            "the suspect's outputs are no numbers (NaN): load it with dtype=torch.float32"
        )
    return Likelihoods(scores, exact)


@contextmanager
def asking(module: Any) -> Iterator[None]:
    """A model in eval mode; what fails is said without a word of the libraries'."""
    from ifrs.runtime.modules import evaluating

    with suspicious("the suspect failed while it was asked", quote=False), evaluating(module):
        yield


def texts_of(given: Any, count: int, what: str) -> list[str]:
    """What a function gave, if it is one text for each of what it was asked.

    Raises:
        TargetError: It is something else.
    """
    found = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if len(found) != count or not all(isinstance(text, str) for text in found):
        raise TargetError(
            f"the function must give one text for each {what}: {count} were asked for, and it gave "
            f"{len(found)} of {', '.join(sorted({type(text).__name__ for text in found}))}"
        )
    return list(found)


def name_of(model: Any) -> str:
    """What a model or a function calls itself."""
    config = getattr(model, "config", None)
    own = getattr(config, "name_or_path", "") or getattr(model, "__name__", "")
    return str(own or type(model).__name__)
