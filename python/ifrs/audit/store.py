"""Where an audit keeps what it found: one file a unit, whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from ifrs.audit.record import Record, rows
from ifrs.errors import EvidenceError
from ifrs.files import replacing, write_json

_UNITS = "units"


class Store:
    """Records by the digest of their inputs, in a folder."""

    def __init__(self, out: str | os.PathLike[str]) -> None:
        """Take a folder, made if need be."""
        self.out = Path(out)
        self._units = self.out / _UNITS
        self._units.mkdir(parents=True, exist_ok=True)

    def put(self, record: Record) -> None:
        """Store a record, and replace an older one of the same inputs."""
        write_json(self._path(record.digest), record.to_json())

    def get(self, digest: str) -> Record | None:
        """The record of these inputs, if there is a readable one; a damaged one counts for none."""
        try:
            return self._read(self._path(digest))
        except (OSError, ValueError, EvidenceError):
            return None

    def records(self) -> list[Record]:
        """All records, by suite, case and method."""
        found = [self._read(path) for path in sorted(self._units.glob("*.json"))]
        return sorted(found, key=lambda record: (record.suite, record.case, record.method))

    def _path(self, digest: str) -> Path:
        return self._units / f"{digest[:32]}.json"

    @staticmethod
    def _read(path: Path) -> Record:
        return Record.from_json(json.loads(path.read_text(encoding="utf-8")))


def write_tables(out: Path, records: Iterable[Record]) -> None:
    """Write all records as `audit.json`, and all measures as `audit.parquet`, one a row.

    Raises:
        ImportError: pyarrow is missing.
        OSError: A file cannot be written.
    """
    found = list(records)
    write_json(out / "audit.json", [record.to_json() for record in found])
    write_parquet(out / "audit.parquet", found)


def write_parquet(path: Path, records: Iterable[Record]) -> None:
    """Write measures, one a row: beside, synced, renamed."""
    import pyarrow as pa
    from pyarrow import parquet

    text, number, whole = pa.string(), pa.float64(), pa.int64()
    kinds = {
        "seconds": number,
        "cpu_seconds": number,
        "value": number,
        "low": number,
        "high": number,
    }
    kinds |= {"n": whole, "step": whole}
    names = ["suite", "case", "method", "status", "reason", "note", "subject_kind", "subject"]
    names += ["paper", "access", "cost"]
    names += [
        "digest",
        "started",
        "seconds",
        "cpu_seconds",
        "metric",
        "value",
        "low",
        "high",
        "n",
        "step",
        "task",
    ]
    schema = pa.schema([(name, kinds.get(name, text)) for name in names])
    with replacing(path) as beside:
        parquet.write_table(pa.Table.from_pylist(rows(records), schema=schema), beside)
