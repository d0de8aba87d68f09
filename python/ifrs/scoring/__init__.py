"""Scores of texts against patterns, in Rust.

Texts and patterns are sequences of str, or string columns of pyarrow, polars, pandas or DuckDB:
anything that speaks the Arrow PyCapsule interface is read where it lies, without a copy. Characters
are Unicode scalar values; nothing is folded or normalized. The
algorithms are in `docs/explanation/scoring.md`.
"""

from ifrs.scoring.frames import polars_best_match, score_batches
from ifrs.scoring.matching import Method, Texts, best_match, score, score_pairs, top_hits

__all__ = [
    "Method",
    "Texts",
    "best_match",
    "polars_best_match",
    "score",
    "score_batches",
    "score_pairs",
    "top_hits",
]
