"""Scores of texts and patterns in memory: typed calls of the Rust core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ifrs import _core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["exact", "partial", "ratio"]


class ArrowStream(Protocol):
    """A chunked column of an Arrow library."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class ArrowArray(Protocol):
    """A column in one piece."""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...


Texts: TypeAlias = Sequence[str | None] | ArrowStream | ArrowArray | _core.TextChunk
Patterns: TypeAlias = Sequence[str] | ArrowStream | ArrowArray


def score(
    texts: Texts,
    patterns: Patterns,
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
        patterns: Patterns, none of them empty or null.
        method: How to score.
        cutoff: Scores below it are reported as 0. The higher, the faster.
        workers: Threads; 0 takes all cores.

    Returns:
        Scores in [0, 1], of shape (len(texts), len(patterns)).

    Raises:
        TypeError: Something is not a str, or a column not one of strings; the row is named.
        ValueError: A pattern is empty, or the method or cutoff is unknown.
        MemoryError: There is no room for the scores: `best_match` and `top_hits` need less.
        KeyboardInterrupt: Ctrl-C, within half a second.
    """
    return _core.score(texts, patterns, method=method, cutoff=cutoff, workers=workers)


def score_pairs(
    texts: Texts,
    patterns: Patterns,
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


def best_match(
    texts: Texts,
    patterns: Patterns,
    *,
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the pattern that scores highest for each text, the first of equals.

    Arguments and errors are those of `score`.

    Returns:
        Positions of the patterns and their scores, each of shape (len(texts),); -1 and 0 where no
        pattern scores above 0 and at least the cutoff.
    """
    return _core.best_match(texts, patterns, method=method, cutoff=cutoff, workers=workers)


def top_hits(
    texts: Texts,
    patterns: Patterns,
    *,
    method: Method = "partial",
    cutoff: float,
    workers: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Find every pair of a text and a pattern that scores above 0 and at least the cutoff.

    Many patterns cost little more than one: an index of them all is looked up in one pass over the
    texts. Memory grows with the hits, not with the pairs. Arguments and errors are as of `score`.

    Returns:
        Positions of the texts, positions of the patterns and scores, each of shape (hits,), by text
        and then by pattern.
    """
    return _core.top_hits(texts, patterns, method=method, cutoff=cutoff, workers=workers)
