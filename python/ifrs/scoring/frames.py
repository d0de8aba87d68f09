"""Scoring inside data frames and on engines that spread batches over machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ifrs.scoring.matching import Method, best_match

if TYPE_CHECKING:
    import polars as pl


def score_batches(
    patterns: Sequence[str],
    *,
    column: str = "text",
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 1,
) -> Callable[[Any], Any]:
    """Make a function that adds the best match of each row to a batch.

    For `ray.data.Dataset.map_batches(..., batch_format="pyarrow")`, or any engine that hands out
    `pyarrow.Table`. One thread a batch is the default, since such engines run many at once.

    Args:
        patterns: Patterns, none of them empty.
        column: The texts' column.
        method: How to score, as in `ifrs.score`.
        cutoff: Matches that score lower do not count.
        workers: Threads for each batch; 0 takes all cores.

    Returns:
        A function from a table to the same table with two more columns: `pattern` (int64, null
        where nothing matches) and `score` (float32). It raises ValueError for a table without the
        column.
    """
    wanted = list(patterns)
    best_match([], wanted, method=method, cutoff=cutoff)  # Errors show here, not on a worker.

    def score(batch: Any) -> Any:
        import pyarrow as pa

        if column not in batch.column_names:
            raise ValueError(f"the batch has no column {column!r} but {batch.column_names}")
        indices, scores = best_match(
            batch[column], wanted, method=method, cutoff=cutoff, workers=workers
        )
        found = pa.array(indices, mask=indices < 0)
        return batch.append_column("pattern", found).append_column("score", pa.array(scores))

    return score


def polars_best_match(
    texts: str | pl.Expr,
    patterns: Sequence[str],
    *,
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 0,
) -> pl.Expr:
    """The best match of each row, as a polars expression.

    Args:
        texts: A column's name, or an expression of strings.
        patterns: Patterns, none of them empty.
        method: How to score, as in `ifrs.score`.
        cutoff: Matches that score lower do not count.
        workers: Threads; 0 takes all cores.

    Returns:
        An expression of structs with the fields `pattern` (Int64, null where nothing matches) and
        `score` (Float32).
    """
    import polars as pl

    wanted = list(patterns)
    best_match([], wanted, method=method, cutoff=cutoff)
    expression = pl.col(texts) if isinstance(texts, str) else texts

    def score(column: pl.Series) -> pl.Series:
        indices, scores = best_match(column, wanted, method=method, cutoff=cutoff, workers=workers)
        found = pl.Series("pattern", indices)
        found = found.set(found < 0, None)
        return pl.DataFrame([found, pl.Series("score", scores)]).to_struct(column.name)

    shape = pl.Struct({"pattern": pl.Int64, "score": pl.Float32})
    return expression.map_batches(score, return_dtype=shape, is_elementwise=True)
