"""Scores of texts against patterns, in Rust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ifrs import _core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["exact", "partial", "ratio"]


def score(
    texts: Sequence[str | None],
    patterns: Sequence[str],
    *,
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 0,
) -> NDArray[np.float32]:
    """Score every text against every pattern.

    Characters are Unicode scalar values. `"exact"` is 1 where the pattern occurs in the text;
    `"partial"` is 1 - d/m, with d the least Levenshtein distance of the pattern (m characters) to
    any substring of the text (Myers 1999); `"ratio"` is the normalized indel similarity of the
    whole strings (Hyyrö 2004).

    Args:
        texts: Texts; a null scores 0.
        patterns: Patterns, none of them empty.
        method: How to score.
        cutoff: Scores below it are reported as 0.
        workers: Threads; 0 takes all cores.

    Returns:
        Scores in [0, 1], of shape (len(texts), len(patterns)).

    Raises:
        TypeError: Something is not a str.
        ValueError: A pattern is empty, or the method or cutoff is unknown.
    """
    return _core.score(texts, patterns, method=method, cutoff=cutoff, workers=workers)


def score_pairs(
    texts: Sequence[str | None],
    patterns: Sequence[str],
    *,
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 0,
) -> NDArray[np.float32]:
    """Score each text against the pattern at the same place.

    Arguments and errors are those of `score`.

    Returns:
        Scores in [0, 1], of shape (len(texts),).
    """
    return _core.score_pairs(texts, patterns, method=method, cutoff=cutoff, workers=workers)
