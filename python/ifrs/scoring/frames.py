"""Scoring inside data frames and on engines that spread batches over machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ifrs.scoring.matching import Method, best_match

if TYPE_CHECKING:
    import polars as pl


NAMES = ("pattern", "score")
"""What the best match of a row is called."""


def score_batches(
    patterns: Sequence[str],
    *,
    column: str = "text",
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 1,
    names: tuple[str, str] = NAMES,
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
        names: What the two new columns are called.

    Returns:
        A function from a table to the same table with two more columns: `pattern` (int64, null
        where nothing matches) and `score` (float32), or what `names` calls them. It raises
        ValueError for a table without the texts' column, or with a column of such a name.

    Raises:
        ValueError: A pattern is empty, the method or cutoff is unknown, or the names are not two
            different ones, or one of them is the texts' column.
    """
    wanted = list(patterns)
    best_match([], wanted, method=method, cutoff=cutoff)  # Errors show here, not on a worker.
    found_name, score_name = _two(names)
    if column in names:
        raise ValueError(f"names= holds {column!r}, the texts' column: choose other names")

    def score(batch: Any) -> Any:
        import pyarrow as pa

        if column not in batch.column_names:
            raise ValueError(f"the batch has no column {column!r} but {batch.column_names}")
        taken = [name for name in names if name in batch.column_names]
        if taken:
            raise ValueError(
                f"the batch has a column {taken[0]!r} already: choose other names with names=, "
                "for example names=('ifrs_pattern', 'ifrs_score')"
            )
        indices, scores = best_match(
            batch[column], wanted, method=method, cutoff=cutoff, workers=workers
        )
        found = pa.array(indices, mask=indices < 0)
        return batch.append_column(found_name, found).append_column(score_name, pa.array(scores))

    return score


def polars_best_match(
    texts: str | pl.Expr,
    patterns: Sequence[str],
    *,
    method: Method = "partial",
    cutoff: float = 0.0,
    workers: int = 0,
    names: tuple[str, str] = NAMES,
) -> pl.Expr:
    """The best match of each row, as a polars expression.

    Args:
        texts: A column's name, or an expression of strings.
        patterns: Patterns, none of them empty.
        method: How to score, as in `ifrs.score`.
        cutoff: Matches that score lower do not count.
        workers: Threads; 0 takes all cores.
        names: What the two fields are called: choose others than the columns of the frame into
            which the structs will be unnested.

    Returns:
        An expression of structs with the fields `pattern` (Int64, null where nothing matches) and
        `score` (Float32), or what `names` calls them.

    Raises:
        ValueError: A pattern is empty, the method or cutoff is unknown, or the names are not two
            different ones.
    """
    import polars as pl

    wanted = list(patterns)
    best_match([], wanted, method=method, cutoff=cutoff)
    found_name, score_name = _two(names)
    expression = pl.col(texts) if isinstance(texts, str) else texts

    def score(column: pl.Series) -> pl.Series:
        indices, scores = best_match(column, wanted, method=method, cutoff=cutoff, workers=workers)
        found = pl.Series(found_name, indices)
        found = found.set(found < 0, None)
        return pl.DataFrame([found, pl.Series(score_name, scores)]).to_struct(column.name)

    shape = pl.Struct({found_name: pl.Int64, score_name: pl.Float32})
    return expression.map_batches(score, return_dtype=shape, is_elementwise=True)


def _two(names: tuple[str, str]) -> tuple[str, str]:
    """Two different names, or a ValueError."""
    if isinstance(names, str) or len(names) != 2 or names[0] == names[1]:
        raise ValueError("names= takes two different names: of the pattern, and of the score")
    return names
