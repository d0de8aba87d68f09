"""Parquet: columns, nested or not, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifrs.scoring.chunks import Chunk
from ifrs.scoring.paths import Each, Steps, lacking, named, steps_of
from ifrs.scoring.schemas import is_struct, is_text, kind_of, leaves, prefix_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH_ROWS = 1 << 16


def open_parquet(path: Path, shown: Path) -> Any:
    """Open a Parquet file, mapped.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no Parquet file.
        ImportError: pyarrow is missing.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("reading Parquet needs pyarrow: pip install pyarrow") from error
    try:
        return parquet.ParquetFile(path, memory_map=True)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{shown} is no readable Parquet file: {error}") from error


def first_row(file: Any, shown: Path) -> dict[str, Any] | None:
    """The first row of a Parquet file, as Python has it; None where there is none.

    Raises:
        ValueError: It cannot be read.
    """
    import pyarrow as pa

    try:
        batch = next(file.iter_batches(batch_size=1), None)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{shown} is broken at row 0 or soon after: {error}") from error
    rows: list[dict[str, Any]] = [] if batch is None else batch.to_pylist()
    return rows[0] if rows else None


class Columns:
    """The texts that one or more paths reach in a Parquet file."""

    def __init__(self, file: Any, paths: Sequence[str], shown: Path) -> None:
        """Find the paths in a file's schema.

        Raises:
            ValueError: None of them is there, or one that is alone leads to something else than
                strings.
        """
        self._file, self._shown = file, shown
        self.total = int(file.metadata.num_rows)
        kinds = {path: kind_of(file.schema_arrow, steps_of(path)) for path in paths}
        there = {path: kind for path, kind in kinds.items() if kind is not None}
        if not there:
            raise ValueError(f"{shown} has {lacking(paths[0], leaves(file.schema_arrow))}")
        texts = [path for path, kind in there.items() if is_text(kind)]
        if not texts:
            path, kind = next(iter(there.items()))
            raise ValueError(f"{shown}: column {path!r} is {kind}, not strings")
        self._steps = [steps_of(path) for path in texts]
        self._names = sorted({prefix_of(file.schema_arrow, steps) for steps in self._steps})

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks, in order; read once.

        Raises:
            ValueError: A part of the file is broken.
        """
        import pyarrow as pa

        first = 0
        batches = self._file.iter_batches(batch_size=BATCH_ROWS, columns=self._names)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise ValueError(
                    f"{self._shown} is broken at row {first} or soon after: {error}"
                ) from error
            yield self._chunk(batch, first)
            first += len(batch)

    def _chunk(self, batch: Any, first: int) -> Chunk:
        import numpy as np

        found = [_Reached.of(batch, steps) for steps in self._steps]
        texts, rows = _joined(found)
        with_text = np.unique(rows[_valid(texts)])
        short = {row: why for reached in found for row, why in reached.short}
        bad = [] if len(found) > 1 else sorted(short.items())
        without = len(batch) - len(with_text) - len(bad)
        end = first + len(batch)
        named = [(first + row, why) for row, why in bad]
        return Chunk(texts, first, len(batch), rows + first, without, named, end)


class _Reached:
    """What a path reaches in a batch: values, the row of each, and rows whose list is too short."""

    def __init__(self, values: Any, rows: NDArray[np.int64]) -> None:
        self.values, self.rows = values, rows
        self.short: list[tuple[int, str]] = []

    @classmethod
    def of(cls, batch: Any, steps: Steps) -> _Reached:
        """Follow a path that the schema has."""
        import numpy as np

        found = named(steps, batch.schema.names)
        assert found is not None
        reached = cls(batch.column(found[0]), np.arange(len(batch), dtype=np.int64))
        rest = found[1]
        while rest:
            rest = reached._follow(rest)
        return reached

    def _follow(self, steps: Steps) -> Steps:
        """Go down by one name or place; returns the steps that are left."""
        import pyarrow.compute as pc

        kind = self.values.type
        if is_struct(kind):
            found = named(steps, [field.name for field in kind])
            assert found is not None
            self.values = pc.struct_field(self.values, found[0])
            return found[1]
        if isinstance(steps[0], Each):
            self._spread(steps[0])
        else:
            self._pick(int(steps[0]))
        return steps[1:]

    def _spread(self, each: Each) -> None:
        """Every place of the lists, or those that a condition takes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parents = pc.list_parent_indices(self.values)
        self.rows = self.rows[parents.to_numpy()]
        self.values = pc.list_flatten(self.values)
        if each.key is not None:
            keys = pc.cast(pc.struct_field(self.values, each.key), pa.string())
            taken = pc.fill_null(pc.is_in(keys, pa.array(each.values)), False)
            self._keep(taken)

    def _pick(self, place: int) -> None:
        """One place of the lists; a list that is shorter makes its row a bad one."""
        import pyarrow.compute as pc

        lengths = pc.list_value_length(self.values)
        long = pc.fill_null(pc.greater(lengths, place), True)
        for at in (~long.to_numpy(zero_copy_only=False)).nonzero()[0].tolist():
            length = lengths[at].as_py()
            self.short.append((int(self.rows[at]), f"no place {place} in a list of {length}"))
        self._keep(long)
        self.values = pc.list_element(self.values, place) if len(self.values) else _empty(self)

    def _keep(self, mask: Any) -> None:
        self.values = self.values.filter(mask)
        self.rows = self.rows[mask.to_numpy(zero_copy_only=False)]


def _empty(reached: _Reached) -> Any:
    import pyarrow as pa

    return pa.array([], reached.values.type.value_type)


def _joined(found: list[_Reached]) -> tuple[Any, NDArray[np.int64]]:
    """The texts of all paths, by row."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(found) == 1:
        return found[0].values, found[0].rows
    values = pa.chunked_array([pc.cast(each.values, pa.large_string()) for each in found])
    rows = np.concatenate([each.rows for each in found])
    order = np.argsort(rows, kind="stable")
    return values.take(pa.array(order)), rows[order]


def _valid(texts: Any) -> NDArray[np.bool_]:
    import numpy as np

    return np.asarray(texts.is_valid(), dtype=np.bool_)
