"""Evidence bundles: what was revealed, what was answered, and what it proves."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ifrs import _core
from ifrs.attest.claim import Claim, of_path
from ifrs.attest.signed import PathLike
from ifrs.errors import EvidenceError
from ifrs.files import write_bytes

MAX_BYTES = 64 << 20
_GZIP = b"\x1f\x8b"
_BEGINNING = 1 << 10  # bytes of a file that tell a bundle


class Evidence:
    """A bundle: claim, revealed keys with their proofs, the transcript, and the result.

    It holds the revealed keys in clear, and no others. `Report.evidence` makes one.
    """

    def __init__(self, file: bytes) -> None:
        """Use `Report.evidence` or `Evidence.load`."""
        self._file = file

    @classmethod
    def of_report(
        cls, report: Mapping[str, Any], claim: Claim | PathLike, *, reveal: int | None = None
    ) -> Evidence:
        """Evidence of a report for a claim; see `Report.evidence`."""
        if reveal is not None and (isinstance(reveal, bool) or not isinstance(reveal, int)):
            raise TypeError("reveal is a number of queries, or None for all")
        if reveal is not None and reveal < 1:
            raise ValueError(f"reveal must be at least 1, not {reveal}")
        found = of_path(claim)
        found.verify()
        try:
            data = json.dumps(report, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as error:
            raise EvidenceError(f"the report holds what JSON cannot: {error}") from error
        return cls(_core.evidence(data, found._core, reveal))

    @classmethod
    def load(cls, path: PathLike) -> Evidence:
        """Read a bundle; nothing of it is believed before `ifrs.check`.

        Raises:
            EvidenceError: It is too large, or its compression is damaged.
            OSError: It cannot be read.
        """
        return cls(unpacked(path, "bundle"))

    def save(self, path: PathLike) -> None:
        """Write the bundle as JSON, compressed if the name ends in `.gz`. It holds keys in clear.

        Raises:
            OSError: The file cannot be written.
        """
        write_bytes(path, packed(self._file, path))

    def to_json(self) -> dict[str, Any]:
        """The bundle as plain data; docs/reference/formats.md is its specification."""
        read: dict[str, Any] = json.loads(self._file)
        return read

    @property
    def result(self) -> dict[str, Any]:
        """What it says of itself: `verdict`, `p_value`, `log10_p`, `log10_e` and counts."""
        return dict(self.to_json()["result"])

    @property
    def revealed(self) -> list[int]:
        """The set's keys that it shows in clear, in order: for `Keyring.spend`."""
        return [int(query["index"]) for query in self.to_json()["queries"]]

    def __repr__(self) -> str:
        result = self.result
        return f"Evidence({result['verdict']!r}, p_value={result['p_value']:.2g})"


# What each private or public file of proving says of itself at its beginning.
_FORMATS: dict[bytes, Literal["bundle", "report", "accusation", "trace"]] = {
    b'"ifrs/evidence/': "bundle",
    b'"ifrs/report/': "report",
    b'"ifrs/accusation/': "accusation",
    b'"ifrs/trace/': "trace",
}


def looks_like(
    path: PathLike,
) -> Literal["bundle", "report", "accusation", "trace"] | None:
    """What a file looks like by its beginning, packed or not; None for all else."""
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        beginning = file.read(_BEGINNING)
    if beginning.startswith(_GZIP):
        # As much as there is of the one kilobyte: its text begins earlier.
        try:
            beginning = zlib.decompressobj(wbits=31).decompress(beginning, _BEGINNING)
        except zlib.error:
            return "bundle"
    return next((kind for name, kind in _FORMATS.items() if name in beginning), None)


def packed(data: bytes, path: PathLike) -> bytes:
    """What a file holds: compressed if its name ends in `.gz`."""
    return gzip.compress(data, mtime=0) if os.fspath(path).endswith(".gz") else data


def unpacked(path: PathLike, called: str) -> bytes:
    """A file's JSON, decompressed if need be.

    Raises:
        EvidenceError: It is too large, or its compression is damaged.
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        held = file.read(MAX_BYTES + 1)
    if not held.startswith(_GZIP):
        return held
    # As far as the limit and no further: a small file may unpack to any size.
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(held, MAX_BYTES)
    except zlib.error as error:
        raise EvidenceError(f"the {called}'s compression is damaged: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise EvidenceError(f"the {called} is cut off, too large, or followed by something else")
    return data
